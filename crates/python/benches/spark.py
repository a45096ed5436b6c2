"""How much two executors of Spark bring over one, in task time.

    python benches/spark.py LOGS REQUEST [SHARES] [ROUNDS]

The same dive in shares by one executor and by two, each of one core, in turn. Task time of a run is that of the executor that had
the most of it, by Spark's own count: what a run takes where each executor has a machine of its own. The directories that come out
are compared byte by byte. Needs what `requirements-spark.txt` lists, and a key in the file that `DECOSTOP_KEY_FILE` names.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path


def busy(spark: object) -> dict[str, int]:
    """Milliseconds that each executor spent on tasks so far."""
    context = spark.sparkContext
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/executors"
    with urllib.request.urlopen(url) as told:
        executors = json.load(told)
    return {each["id"]: each["totalDuration"] for each in executors if each["id"] != "driver"}


def run(executors: int, logs: str, request: str, shares: int) -> None:
    """One dive, in a process of its own; prints its figures."""
    import decostop
    import pyspark
    from decostop import cluster
    from decostop import spark as on_spark
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (
        SparkSession.builder.master(f"local-cluster[{executors},1,1024]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.scheduler.minRegisteredResourcesRatio", "1.0")
        .config("spark.scheduler.maxRegisteredResourcesWaitingTime", "120s")
        .config("spark.executorEnv.PYTHONPATH", str(Path(decostop.__file__).parents[1]))
        .config("spark.executorEnv.DECOSTOP_KEY_FILE", os.environ["DECOSTOP_KEY_FILE"])
        .getOrCreate()
    )
    # Each executor starts its Python first.
    spark.sparkContext.parallelize(range(4 * executors), 4 * executors).map(lambda _: __import__("decostop").__name__).collect()
    before = busy(spark)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        work = Path(scratch) / "work"
        work.mkdir()
        cluster.run(on_spark.each(spark), cluster.plan(logs, shares, request=request), work, out)
        digest = hashlib.sha256()
        for path in sorted((out / "disclosure").iterdir()):
            digest.update(path.read_bytes())
    tasks = {name: total - before.get(name, 0) for name, total in busy(spark).items()}
    spark.stop()
    print(json.dumps({"most": max(tasks.values()), "all": sum(tasks.values()), "digest": digest.hexdigest()}))


def measured(executors: int, what: list[str]) -> dict:
    told = subprocess.run(
        [sys.executable, __file__, "--run", str(executors), *what], check=True, capture_output=True, text=True
    )
    return json.loads(told.stdout.splitlines()[-1])


def main() -> None:
    if sys.argv[1] == "--run":
        run(int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]))
        return
    what = [*sys.argv[1:3], sys.argv[3] if len(sys.argv) > 3 else "8"]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    ratios = []
    for _ in range(rounds):
        one, two = measured(1, what), measured(2, what)
        if one["digest"] != two["digest"]:
            sys.exit("one executor and two wrote different bytes")
        ratios.append(one["most"] / two["most"])
        print(f"one executor {one['most']} ms of tasks; two {two['most']} ms the busier, {two['all']} ms together")
    print(f"two executors / one: {statistics.median(ratios):.2f} x")


if __name__ == "__main__":
    main()
