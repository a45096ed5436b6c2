"""A dive over many workers, for any scheduler that runs functions over files.

    from decostop import cluster
    from dask.distributed import Client

    client = Client()
    def each(step, shards):
        return client.gather(client.map(step, shards, retries=2))

    shards = cluster.plan("/var/log/gitlab", 8, request="request.toml")
    stats = cluster.run(each, shards, "work", "SIRT-2041", key_file="key")

The steps are plain functions, so that any cluster can run them: ``learn`` each share, ``merge`` what they
learned, ``redact`` each share by all facts, ``gather`` the parts. The result is, byte for byte, what one process
writes; a step that runs twice makes the same file. Workers need this package, the logs under the same paths, a
directory that all of them see, and the key in a file: a share never holds it. ``key_file`` names that file;
where it is left out, the environment variable ``DECOSTOP_KEY_FILE`` of the worker does.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from . import _decostop
from . import AnyPath, Batch, ConfigError, scan

__all__ = ["KEY_FILE", "batches", "gather", "learn", "merge", "plan", "redact", "run"]

#: The environment variable that names the key file where no argument does.
KEY_FILE = "DECOSTOP_KEY_FILE"


def _key(key_file: AnyPath | None) -> AnyPath:
    named = key_file if key_file is not None else os.environ.get(KEY_FILE)
    if named is None:
        raise ConfigError(f"the steps of a dive take one key: give key_file=, or name the file in {KEY_FILE}")
    return named


def plan(
    paths: AnyPath | Iterable[AnyPath], shards: int, *, key_file: AnyPath | None = None, **what: Any
) -> list[str]:
    """The dive in at most ``shards`` shares of about the same number of stored bytes, each as JSON.

    Takes the keywords of :func:`decostop.scan`; needs a ``request``. A share holds the request, so it is for
    the house. Of ``accounts`` it holds a digest, keyed with the key of the dive: they go to :func:`merge`, too.
    """
    return scan(paths, **what).shards(shards, None if what.get("accounts") is None else _key(key_file))


def learn(
    shard: str, out: AnyPath, *, key_file: AnyPath | None = None, threads: int | None = None
) -> dict[str, Any]:
    """First phase: reads a share and leaves what it teaches, sealed, in the file ``out``. Gives its counts."""
    return _decostop.cluster_learn(shard, out, _key(key_file), threads)


def merge(
    facts: Iterable[AnyPath],
    out: AnyPath,
    *,
    key_file: AnyPath | None = None,
    accounts: AnyPath | None = None,
) -> None:
    """The facts of all shares in the file ``out``, from those that ``learn`` wrote. None may be missing.

    ``accounts`` are those that the dive was planned with.
    """
    _decostop.cluster_merge(list(facts), out, _key(key_file), accounts)


def redact(
    shard: str,
    facts: AnyPath,
    out: AnyPath,
    *,
    key_file: AnyPath | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Second phase: leaves the records of a share, redacted by the facts of all and verified, in ``out``."""
    return _decostop.cluster_redact(shard, facts, out, _key(key_file), threads)


def batches(
    shard: str, facts: AnyPath, *, key_file: AnyPath | None = None, threads: int | None = None
) -> Iterator[Batch]:
    """As :func:`redact`, with the verified records handed over as Arrow batches, in order."""
    return iter(_decostop.cluster_batches(shard, facts, _key(key_file), threads))


def gather(
    parts: Iterable[AnyPath],
    facts: AnyPath,
    out: AnyPath,
    *,
    key_file: AnyPath | None = None,
    format: str = "ndjson",
    force: bool = False,
) -> dict[str, Any]:
    """The directory that one process would have written, from the parts of all shares. Gives the statistics.

    Every record is verified once more, and the finished directory as after any dive.
    """
    return _decostop.cluster_gather(list(parts), facts, out, _key(key_file), format, force)


def _path(directory: AnyPath, name: str, shard: str) -> Path:
    return Path(directory) / f"{name}-{json.loads(shard)['ordinal']:04}"


def _learn(directory: AnyPath, key_file: AnyPath | None, threads: int | None, shard: str) -> str:
    out = _path(directory, "facts", shard)
    learn(shard, out, key_file=key_file, threads=threads)
    return str(out)


def _redact(directory: AnyPath, key_file: AnyPath | None, threads: int | None, shard: str) -> str:
    out = _path(directory, "part", shard)
    redact(shard, Path(directory) / "facts", out, key_file=key_file, threads=threads)
    return str(out)


def run(
    each: Callable[[Callable[[str], str], list[str]], Iterable[str]],
    shards: list[str],
    directory: AnyPath,
    out: AnyPath,
    *,
    key_file: AnyPath | None = None,
    accounts: AnyPath | None = None,
    threads: int | None = 1,
    format: str = "ndjson",
    force: bool = False,
) -> dict[str, Any]:
    """A whole dive. ``each(step, shards)`` runs a function over all shares, anywhere, and gives its answers.

    ``directory`` is seen by all workers and takes what goes between them, sealed. ``accounts`` are those of the
    plan; ``threads`` are those of one step.
    """
    where = (str(directory), None if key_file is None else str(key_file), threads)
    facts = each(functools.partial(_learn, *where), shards)
    everything = Path(directory) / "facts"
    merge(facts, everything, key_file=key_file, accounts=accounts)
    parts = each(functools.partial(_redact, *where), shards)
    return gather(parts, everything, out, key_file=key_file, format=format, force=force)
