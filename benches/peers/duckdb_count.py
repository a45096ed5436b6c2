"""Counts the records of one root namespace with DuckDB; prints the count and the seconds it took.

    duckdb_count.py THREADS NAMESPACE FILE...
    duckdb_count.py --version

The columns are given, so that nothing is sampled. The seconds leave out the start of Python.
"""

import sys
import time

import duckdb


def main(args):
    if args == ["--version"]:
        print("DuckDB", duckdb.__version__)
        return
    threads, namespace, files = int(args[0]), args[1], args[2:]
    began = time.perf_counter()
    connection = duckdb.connect(config={"threads": threads})
    # After two seconds it would draw on standard output.
    connection.execute("SET enable_progress_bar = false")
    query = """
        SELECT count(*) FROM read_json($files, format = 'newline_delimited', maximum_object_size = 67108864,
            columns = {'time': 'VARCHAR', 'meta.root_namespace': 'VARCHAR'})
        WHERE "meta.root_namespace" = $namespace AND "time" IS NOT NULL
    """
    (count,) = connection.execute(query, {"files": files, "namespace": namespace}).fetchone()
    print(count, time.perf_counter() - began)


main(sys.argv[1:])
