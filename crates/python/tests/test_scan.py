"""Dives: the same records by every way, in bounded memory, and only once."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import decostop
import pytest

COLUMNS = ["time", "source", "event", "actor", "namespace", "project", "ip", "status", "correlation_id"]


def flat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as JSON lines have them, without their times, whose notation differs."""
    told = []
    for row in rows:
        record = {name: row[name] for name in COLUMNS if row[name] is not None}
        record |= json.loads(row["fields"] or "{}")
        told.append(record)
    return bare(told)


def bare(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without times; a status is a number here and a text there."""
    return [
        {name: str(value) if name == "status" else value for name, value in record.items() if name != "time"}
        for record in records
    ]


@pytest.fixture
def dive(corpus, key):
    return decostop.scan(corpus.logs, request=corpus.request, key=key)


def test_pyarrow_takes_a_dive(dive, records):
    import pyarrow

    table = pyarrow.table(dive)
    assert table.column_names == [*COLUMNS, "fields"]
    assert table.schema.field("time").type == pyarrow.timestamp("us", "UTC")
    assert len(records) > 10
    assert flat(table.to_pylist()) == bare(records)
    assert dive.stats["counts"]["disclosed"] == len(records)


def test_polars_takes_a_dive(dive, records):
    import polars

    frame = polars.DataFrame(dive)
    assert flat(frame.to_dicts()) == bare(records)


def test_pandas_takes_a_dive(dive, records):
    import pandas

    frame = pandas.DataFrame.from_arrow(dive)
    assert len(frame) == len(records)
    assert list(frame["event"]) == [record["event"] for record in records]


def test_duckdb_takes_a_dive(dive, records):
    import duckdb
    import pyarrow

    reader = pyarrow.RecordBatchReader.from_stream(dive)
    assert duckdb.sql("select count(*) from reader").fetchall() == [(len(records),)]


def test_batches_come_one_by_one(dive, records):
    import pyarrow

    rows = []
    for batch in dive:
        assert isinstance(batch, decostop.Batch) and len(batch) == batch.num_rows > 0
        assert batch.column_names == [*COLUMNS, "fields"]
        rows += pyarrow.record_batch(batch).to_pylist()
    assert flat(rows) == bare(records)
    assert list(dive) == []


def test_result_does_not_depend_on_threads(corpus, key, records):
    import pyarrow

    for threads in (1, 2, 7):
        dive = decostop.scan(corpus.logs, request=corpus.request, key=key, threads=threads)
        assert flat(pyarrow.table(dive).to_pylist()) == bare(records)


def test_dive_runs_once(dive):
    list(dive)
    with pytest.raises(decostop.DecostopError, match="has run already"):
        dive.__arrow_c_stream__()
    with pytest.raises(decostop.DecostopError, match="has run already"):
        dive.summary()


def test_stream_that_nobody_reads_is_given_up(corpus, key):
    dive = decostop.scan(corpus.logs, request=corpus.request, key=key)
    capsule = dive.__arrow_c_stream__()
    del capsule
    dive = decostop.scan(corpus.logs, request=corpus.request, key=key)
    next(dive)
    del dive


def test_request_as_a_dict(corpus, key, records):
    import tomllib

    with corpus.request.open("rb") as file:
        request = tomllib.load(file)
    dive = decostop.scan([corpus.logs], request=request, key=key)
    assert sum(len(batch) for batch in dive) == len(records)


def test_look_round_by_keywords(corpus):
    dive = decostop.scan(corpus.logs, events=["repository.*"], since="2026-11-01", until="2026-11-03")
    assert dive.ad_hoc
    plan = dive.plan()
    assert plan["bytes"] > 0 and plan["inputs"]
    assert "look" in repr(dive)
    found = sum(len(batch) for batch in dive)
    assert 0 < found < decostop.summary(corpus.logs, events=["repository.*"])["records"]


def test_summary_and_plan(corpus, records):
    summary = decostop.summary(corpus.logs, request=corpus.request)
    assert summary["records"] == len(records)
    assert decostop.plan(str(corpus.logs), request=str(corpus.request))["inputs"]


@pytest.mark.parametrize("format", ["ndjson", "parquet", "csv", "arrow"])
def test_written_results_verify(corpus, key, tmp_path, format):
    out = tmp_path / "out"
    stats = decostop.scan(corpus.logs, request=corpus.request, key=key).write(out, format=format)
    report = decostop.verify(out)
    assert report["clean"] and report["records"] == stats["counts"]["disclosed"]
    with pytest.raises(decostop.DecostopError):
        decostop.scan(corpus.logs, request=corpus.request, key=key).write(out, format=format)
    decostop.scan(corpus.logs, request=corpus.request, key=key).write(out, format=format, force=True)


def test_edited_result_is_a_leak(corpus, key, tmp_path):
    out = tmp_path / "out"
    decostop.scan(corpus.logs, request=corpus.request, key=key).write(out)
    manifest = out / "disclosure" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("ndjson", "mallory"))
    assert not decostop.verify(out)["clean"]


def test_progress_is_told(corpus):
    from tqdm import tqdm

    told: list[decostop.Progress] = []
    dive = decostop.scan(corpus.logs, request=corpus.request, progress=told.append)
    list(dive)
    assert told and told[-1]["bytes_total"] > 0
    assert {progress["phase"] for progress in told} <= {"scanning", "redacting", "verifying"}
    with tqdm(unit="B", disable=True) as bar:
        list(decostop.scan(corpus.logs, request=corpus.request, progress=decostop.progress_bar(bar)))


def test_fault_of_a_progress_function_ends_the_dive(corpus):
    def broken(progress: decostop.Progress) -> None:
        raise RuntimeError("mine")

    dive = decostop.scan(corpus.logs, request=corpus.request, progress=broken)
    with pytest.raises(RuntimeError, match="mine"):
        list(dive)


def test_notebooks_see_counts(dive):
    assert "disclosed" not in dive._repr_html_()
    list(dive)
    html = dive._repr_html_()
    assert "disclosed" in html and "<script" not in html


def test_nothing_of_a_log_in_repr(dive, records):
    list(dive)
    for record in records:
        assert str(record.get("actor")) not in repr(dive)


def test_interrupt_ends_a_dive_at_once(tmp_path):
    """Ctrl-C in the middle of a long dive: KeyboardInterrupt within a second."""
    program = textwrap.dedent(
        """
        import decostop, os, signal, sys, threading, time
        decostop.synth(sys.argv[1], megabytes=60, codec="zstd")
        began = None
        def strike():
            global began
            began = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)
        dive = decostop.scan(sys.argv[1] + "/logs", events=["raw:*"], learn_all=True, threads=1)
        threading.Timer(0.3, strike).start()
        try:
            list(dive)
        except KeyboardInterrupt:
            print("interrupted after", time.monotonic() - began)
            sys.exit(0 if time.monotonic() - began < 1.0 else 3)
        sys.exit(4)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "logs")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_memory_of_an_iteration_is_bounded(tmp_path):
    """A dive that matches far more than may lie in memory, in a process of its own."""
    program = textwrap.dedent(
        """
        import decostop, sys
        decostop.synth(sys.argv[1], megabytes=200, codec="zstd")
        dive = decostop.scan(sys.argv[1] + "/logs", events=["raw:*"], since="2026-01-01", threads=2)
        rows = sum(len(batch) for batch in dive)
        peak = dive.stats["peak_memory_bytes"]
        print(rows, peak)
        sys.exit(0 if rows > 100_000 and peak < (256 + 64 * 2) << 20 else 3)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "corpus")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
