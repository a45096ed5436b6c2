"""A dive over two executors of Spark gives what one process gives, also with one killed in the middle.

Run by its own command, since Spark is half a gigabyte and starts for half a minute:

    pip install -r requirements-spark.txt decostop
    pytest tests_spark
"""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path

import decostop
import pyspark
import pytest
from decostop import cluster
from decostop import spark as on_spark
from pyspark import cloudpickle
from pyspark.sql import SparkSession

# Executors cannot import a test.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

KEY = bytes(range(32))


@pytest.fixture(scope="session")
def spark():
    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.executorEnv.PYTHONPATH", str(Path(decostop.__file__).parents[1]))
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    decostop.synth(root, megabytes=4, seed=11, codec="zstd")
    (root / "key").write_bytes(KEY)
    return root


@pytest.fixture(scope="session")
def whole(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    stats = decostop.scan(corpus / "logs", request=corpus / "request.toml", key=KEY).write(out)
    return stats, disclosed(out)


def disclosed(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "disclosure").iterdir()}


def die_once(marker, step, shard):
    if json.loads(shard)["ordinal"] == 1 and not os.path.exists(marker):
        open(marker, "w").close()
        os._exit(9)
    return step(shard)


def test_the_same_bytes_with_a_worker_killed(spark, corpus, whole, tmp_path):
    shards = cluster.plan(corpus / "logs", 4, request=corpus / "request.toml")
    each = on_spark.each(spark)

    def dying(step, shards):
        marker = str(tmp_path / f"died-{step.func.__name__}")
        return each(functools.partial(die_once, marker, step), shards)

    work = tmp_path / "work"
    work.mkdir()
    cluster.run(dying, shards, work, tmp_path / "out", key_file=corpus / "key")
    assert (tmp_path / "died-_learn").exists() and (tmp_path / "died-_redact").exists()
    assert disclosed(tmp_path / "out") == whole[1]


def test_records_are_a_frame(spark, corpus, whole, tmp_path):
    frame = on_spark.records(
        spark, corpus / "logs", 4, tmp_path / "work", request=corpus / "request.toml", key_file=corpus / "key"
    )
    stats, _ = whole
    assert frame.count() == stats["counts"]["disclosed"]
    by_event = {row["event"]: row["count"] for row in frame.groupBy("event").count().collect()}
    assert by_event == stats["by_event"]
