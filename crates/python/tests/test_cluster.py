"""A dive over processes and over Dask gives what one process gives, also with a worker killed in the middle."""

from __future__ import annotations

import concurrent.futures
import functools
import json
import multiprocessing
import os
from pathlib import Path

import decostop
import pytest
from decostop import cluster


@pytest.fixture
def key_file(tmp_path, key):
    path = tmp_path / "key"
    path.write_bytes(key)
    path.chmod(0o600)
    return path


@pytest.fixture
def shards(corpus):
    return cluster.plan(corpus.logs, 3, request=corpus.request)


@pytest.fixture(scope="session")
def whole(corpus, key, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    decostop.scan(corpus.logs, request=corpus.request, key=key).write(out)
    return disclosed(out)


@pytest.fixture
def work(tmp_path):
    directory = tmp_path / "work"
    directory.mkdir()
    return directory


def disclosed(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "disclosure").iterdir()}


def test_one_after_the_other(shards, work, tmp_path, key_file, whole):
    def each(step, shards):
        return [step(shard) for shard in shards]

    stats = cluster.run(each, shards, work, tmp_path / "out", key_file=key_file)
    assert stats["counts"]["disclosed"] > 10
    assert disclosed(tmp_path / "out") == whole
    assert decostop.verify(tmp_path / "out")["clean"]


def test_two_processes(shards, work, tmp_path, key_file, whole):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        cluster.run(lambda step, shards: pool.map(step, shards), shards, work, tmp_path / "out", key_file=key_file)
    assert disclosed(tmp_path / "out") == whole


def die_once(marker, step, shard):
    """Ends its process in the middle of the second share, the first time."""
    if json.loads(shard)["ordinal"] == 1 and not os.path.exists(marker):
        open(marker, "w").close()
        os._exit(9)
    return step(shard)


def test_dask_with_a_worker_killed(shards, work, tmp_path, key_file, whole, monkeypatch):
    distributed = pytest.importorskip("distributed")
    # The key goes by reference, as a deployment would hand it to its workers.
    monkeypatch.setenv(cluster.KEY_FILE, str(key_file))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as local,
        distributed.Client(local) as client,
    ):

        def each(step, shards):
            marker = str(work / f"died-{step.func.__name__}")
            return client.gather(client.map(functools.partial(die_once, marker, step), shards, retries=2))

        cluster.run(each, shards, work, tmp_path / "out")
    assert (work / "died-_learn").exists() and (work / "died-_redact").exists()
    assert disclosed(tmp_path / "out") == whole


def test_batches_of_shares_are_the_records_of_the_dive(shards, work, key_file, records):
    import pyarrow

    facts = [work / f"facts-{nth}" for nth in range(len(shards))]
    for shard, out in zip(shards, facts):
        cluster.learn(shard, out, key_file=key_file)
    cluster.merge(facts, work / "facts", key_file=key_file)
    tables = [
        pyarrow.Table.from_batches(
            [pyarrow.record_batch(batch) for batch in cluster.batches(shard, work / "facts", key_file=key_file)]
        )
        for shard in shards
    ]
    table = pyarrow.concat_tables(tables).sort_by("time")
    assert table.num_rows == len(records)
    assert table["time"].to_pylist() == sorted(table["time"].to_pylist())


def test_shares_hold_no_key_and_sealed_files_no_names(shards, work, key_file, key):
    assert all(key.hex() not in shard for shard in shards)
    cluster.learn(shards[0], work / "facts", key_file=key_file)
    sealed = (work / "facts").read_bytes()
    assert key not in sealed and b"production_json" not in sealed


def test_accounts_are_those_of_the_plan(corpus, work, tmp_path, key, key_file):
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("username\nmallory77\nuser\n")
    what = {"request": corpus.request, "accounts": accounts}
    shards = cluster.plan(corpus.logs, 2, key_file=key_file, **what)
    assert all("mallory77" not in shard for shard in shards)

    def each(step, shards):
        return [step(shard) for shard in shards]

    with pytest.raises(decostop.ConfigError, match="accounts"):
        cluster.run(each, shards, work, tmp_path / "out", key_file=key_file)
    cluster.run(each, shards, work, tmp_path / "out", key_file=key_file, accounts=accounts)
    decostop.scan(corpus.logs, key=key, **what).write(tmp_path / "whole")
    assert disclosed(tmp_path / "out") == disclosed(tmp_path / "whole")


def test_what_is_missing_is_said(shards, work, key_file, monkeypatch):
    monkeypatch.delenv(cluster.KEY_FILE, raising=False)
    with pytest.raises(decostop.ConfigError, match="key_file="):
        cluster.learn(shards[0], work / "facts")
    cluster.learn(shards[0], work / "facts-0", key_file=key_file)
    with pytest.raises(decostop.ConfigError, match="missing: 1, 2"):
        cluster.merge([work / "facts-0"], work / "facts", key_file=key_file)
    with pytest.raises(decostop.ConfigError, match="changed"):
        cluster.learn(shards[0].replace('"ordinal":0', '"ordinal":1'), work / "x", key_file=key_file)
    with pytest.raises(decostop.ConfigError):
        cluster.learn("{}", work / "x", key_file=key_file)
