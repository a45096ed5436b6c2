"""A dive over Spark 4: its records as a DataFrame, by a Python data source.

    from decostop import spark as on_spark

    frame = on_spark.records(spark, "/var/log/gitlab", 64, "/shared/work", request="request.toml")
    frame.groupBy("event").count().show()

Both phases run as Spark jobs, a share of the logs a task; only verified records leave a task. Failed tasks are run again by Spark,
which does no harm. Executors need this package, the logs under the same paths, the working directory, and the key
in a file that ``key_file`` or the environment variable ``DECOSTOP_KEY_FILE`` names.

For a directory that may be handed out, run the same steps by :func:`decostop.cluster.run`, with :func:`each`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from . import AnyPath, cluster

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["Learned", "Records", "each", "records"]

_RECORDS = (
    "time timestamp, source string, event string, actor string, namespace string, project string, ip string, "
    "status string, correlation_id string, fields string"
)


class _Share(InputPartition):
    """One share of a dive."""

    def __init__(self, shard: str) -> None:
        super().__init__(json.loads(shard)["ordinal"])
        self.shard = shard


class _Reader(DataSourceReader):
    def __init__(self, options: dict[str, str]) -> None:
        self.directory = Path(options["directory"])
        self.key_file = options.get("key_file")
        self.threads = int(options.get("threads", "1"))

    def partitions(self) -> list[InputPartition]:
        shards = sorted((self.directory / "shards").glob("shard-*.json"))
        return [_Share(path.read_text()) for path in shards]


class _LearnedReader(_Reader):
    def read(self, partition: InputPartition) -> Iterator[tuple[int, str]]:
        assert isinstance(partition, _Share)
        out = self.directory / f"facts-{partition.value:04}"
        cluster.learn(partition.shard, out, key_file=self.key_file, threads=self.threads)
        yield partition.value, str(out)


class _RecordsReader(_Reader):
    def read(self, partition: InputPartition) -> Iterator[pyarrow.RecordBatch]:  # type: ignore[override]
        import pyarrow

        assert isinstance(partition, _Share)
        facts = self.directory / "facts"
        for batch in cluster.batches(partition.shard, facts, key_file=self.key_file, threads=self.threads):
            taken = pyarrow.record_batch(batch)
            # Spark compares the schemas; a source of its kind cannot say that a column is never null.
            yield pyarrow.RecordBatch.from_arrays(taken.columns, names=taken.schema.names)


class Learned(DataSource):
    """``spark.read.format("decostop.learned")``: runs the first phase; a row for each share."""

    @classmethod
    def name(cls) -> str:
        return "decostop.learned"

    def schema(self) -> str:
        return "ordinal int, facts string"

    def reader(self, schema: object) -> DataSourceReader:
        return _LearnedReader(dict(self.options))


class Records(DataSource):
    """``spark.read.format("decostop.records")``: the second phase; the records of a dive whose facts are merged."""

    @classmethod
    def name(cls) -> str:
        return "decostop.records"

    def schema(self) -> str:
        return _RECORDS

    def reader(self, schema: object) -> DataSourceReader:
        return _RecordsReader(dict(self.options))


def records(
    spark: SparkSession,
    paths: AnyPath | list[AnyPath],
    shards: int,
    directory: AnyPath,
    *,
    key_file: AnyPath | None = None,
    threads: int = 1,
    **what: Any,
) -> DataFrame:
    """The records of a dive as a DataFrame, each share a partition, in order of time within it.

    ``directory`` is new, and seen by all executors; what goes between the phases lies there, sealed. Takes the
    keywords of :func:`decostop.scan`; needs a ``request``.
    """
    place = Path(directory) / "shards"
    place.mkdir(parents=True)
    for shard in cluster.plan(paths, shards, key_file=key_file, **what):
        path = place / f"shard-{json.loads(shard)['ordinal']:06}.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(shard)
    options = {"directory": str(directory), "threads": str(threads)}
    if key_file is not None:
        options["key_file"] = str(key_file)
    spark.dataSource.register(Learned)
    spark.dataSource.register(Records)
    learned = spark.read.format("decostop.learned").options(**options).load().collect()
    facts, accounts = [row["facts"] for row in learned], what.get("accounts")
    cluster.merge(facts, Path(directory) / "facts", key_file=key_file, accounts=accounts)
    return spark.read.format("decostop.records").options(**options).load()


def each(spark: SparkSession) -> Callable[[Callable[[str], str], list[str]], list[str]]:
    """How :func:`decostop.cluster.run` runs a step over all shares on Spark."""

    def run(step: Callable[[str], str], shards: list[str]) -> list[str]:
        return spark.sparkContext.parallelize(shards, len(shards)).map(step).collect()

    return run
