"""What it costs to hand a dive's records over to each consumer, as processor time beside the same dive that only counts.

    python benches/handover.py LOGS REQUEST [ROUNDS]

Rounds alternate, so that a busy machine disturbs all alike; the medians are compared. Last, the peak memory of a
process that iterates over the dive batch by batch.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import decostop

ITERATE = """
import decostop, sys
dive = decostop.scan(sys.argv[1], request=sys.argv[2])
rows = sum(len(batch) for batch in dive)
print(rows, dive.stats["peak_memory_bytes"] >> 20)
"""


def polars(dive: decostop.Dive) -> int:
    import polars

    return len(polars.DataFrame(dive))


def pyarrow(dive: decostop.Dive) -> int:
    import pyarrow

    return pyarrow.table(dive).num_rows


def pandas(dive: decostop.Dive) -> int:
    import pandas

    return len(pandas.DataFrame.from_arrow(dive))


def duckdb(dive: decostop.Dive) -> int:
    import duckdb
    import pyarrow

    reader = pyarrow.RecordBatchReader.from_stream(dive)
    return duckdb.sql("select count(*) from reader").fetchall()[0][0]


def batches(dive: decostop.Dive) -> int:
    return sum(len(batch) for batch in dive)


def count(dive: decostop.Dive) -> int:
    return dive.summary()["records"]


def main() -> None:
    logs, request = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    consumers: list[Callable[[decostop.Dive], int]] = [count, batches, pyarrow, polars, pandas, duckdb]
    spent: dict[str, list[float]] = {consumer.__name__: [] for consumer in consumers}
    rows = set()
    for nth in range(rounds + 1):
        for consumer in consumers:
            dive = decostop.scan(logs, request=request)
            began = time.process_time()
            rows.add(consumer(dive))
            if nth > 0:  # the first round loads modules and warms the disk's cache
                spent[consumer.__name__].append(time.process_time() - began)
    assert len(rows) == 1, "all consumers get the same records"
    base = statistics.median(spent["count"])
    print(f"{rows.pop()} records, {rounds} rounds")
    for name, seconds in spent.items():
        middle = statistics.median(seconds)
        print(f"{name:<8}  {middle:6.3f} s  {middle / base:5.3f} x")
    done = subprocess.run([sys.executable, "-c", ITERATE, logs, request], capture_output=True, text=True, check=True)
    found, peak = done.stdout.split()
    print(f"{found} records iterated in a process of at most {peak} MiB")


if __name__ == "__main__":
    main()
