"""Counts the records of one root namespace with chDB (ClickHouse as a library); prints the count and the
seconds it took.

    chdb_count.py json THREADS NAMESPACE FILE...    records by a typed column
    chdb_count.py raw THREADS NAMESPACE FILE...     lines that hold the text
    chdb_count.py --version

The structure is given, so that nothing is sampled. The seconds leave out the start of Python.
"""

import os
import sys
import time

import chdb


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main(args):
    if args == ["--version"]:
        print("chDB", chdb.__version__)
        return
    how, threads, namespace, files = args[0], int(args[1]), args[2], args[3:]
    paths = files[0]
    if len(files) > 1:
        # Alternatives may not begin with a slash.
        common = os.path.commonpath(files)
        paths = common + "/{" + ",".join(os.path.relpath(file, common) for file in files) + "}"
    if how == "json":
        form = "'JSONEachRow', '`time` Nullable(String), `meta.root_namespace` Nullable(String)'"
        where = f"`meta.root_namespace` = {quoted(namespace)} AND `time` IS NOT NULL"
    else:
        form = "'LineAsString', 'line String'"
        where = f"line LIKE {quoted('%' + namespace + '%')}"
    began = time.perf_counter()
    result = chdb.query(
        f"SELECT count() FROM file({quoted(paths)}, {form}) WHERE {where} "
        f"SETTINGS max_threads = {threads}, input_format_skip_unknown_fields = 1, "
        "input_format_import_nested_json = 0",
        "TabSeparated",
    )
    print(int(str(result)), time.perf_counter() - began)


main(sys.argv[1:])
