"""Find the evidence in compressed logs, hand out only what may be handed out.

    import decostop, polars

    dive = decostop.scan("/var/log/gitlab", request="request.toml")
    frame = polars.DataFrame(dive)          # verified records, handed over without a copy
    dive.stats["counts"]["withheld"]        # what could not be decided, and stayed inside

A dive runs once: when it is iterated (batch by batch, in bounded memory), handed over as an Arrow
stream, written to a directory with ``write``, or summed up with ``summary``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from . import _decostop
from ._decostop import (
    Batch,
    Column,
    ConfigError,
    DecostopError,
    Dive,
    InternalError,
    LeakError,
    LimitError,
    Redactor,
    RefusedError,
    SinkError,
    SourceError,
    __version__,
    check,
    synth,
)
from ._shapes import Progress

__all__ = [
    "Batch",
    "Column",
    "ConfigError",
    "DecostopError",
    "Dive",
    "InternalError",
    "LeakError",
    "LimitError",
    "Progress",
    "Redactor",
    "RefusedError",
    "SinkError",
    "SourceError",
    "__version__",
    "check",
    "plan",
    "progress_bar",
    "scan",
    "summary",
    "synth",
    "verify",
]

AnyPath: TypeAlias = str | os.PathLike[str]


def _paths(paths: AnyPath | Iterable[AnyPath]) -> list[AnyPath]:
    """One path or several."""
    if isinstance(paths, (str, os.PathLike)):
        return [paths]
    return list(paths)


def scan(
    paths: AnyPath | Iterable[AnyPath],
    *,
    request: AnyPath | Mapping[str, Any] | None = None,
    namespaces: Iterable[str] = (),
    projects: Iterable[str | int] = (),
    users: Iterable[str | int] = (),
    events: Iterable[str] = (),
    sources: Iterable[str] = (),
    since: str | None = None,
    until: str | None = None,
    tz: str | None = None,
    profile: AnyPath | None = None,
    threads: int | None = None,
    key: bytes | None = None,
    learn_all: bool = False,
    follow_ids: bool = False,
    follow_correlation: bool = False,
    dedup: bool = False,
    source_of: Mapping[str, str] | None = None,
    rules: AnyPath | Iterable[AnyPath] = (),
    accounts: AnyPath | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Dive:
    """A dive over files, directories and globs, ready to run.

    What to look for is a ``request`` (a file, or a dict of the same shape), or keywords for a look
    round of one's own: nothing is in scope then, every identity is a pseudonym, and the result is not
    for handing out. ``since`` and ``until`` are times as the command line takes them (``"7d"``,
    ``"2026-11-01"``). ``key`` is 32 bytes from which the pseudonyms follow; by default each dive has
    a fresh one. ``rules`` are files of detector rules beside the built-in ones. ``accounts`` is a file
    of known accounts of others, as ``--accounts`` takes it. ``progress`` is called some twenty times a
    second while the dive runs.

    Raises ConfigError for what is wrong with the arguments and RefusedError if a condition of the
    request does not hold; nothing has been read then.
    """
    return _decostop.scan(
        _paths(paths),
        request=request,
        namespaces=list(namespaces),
        projects=[str(project) for project in projects],
        users=[str(user) for user in users],
        events=list(events),
        sources=list(sources),
        since=since,
        until=until,
        tz=tz,
        profile=profile,
        threads=threads,
        key=key,
        learn_all=learn_all,
        follow_ids=follow_ids,
        follow_correlation=follow_correlation,
        dedup=dedup,
        source_of=list((source_of or {}).items()),
        rules=_paths(rules),
        accounts=accounts,
        progress=progress,
    )


def summary(paths: AnyPath | Iterable[AnyPath], **what: Any) -> dict[str, Any]:
    """Only aggregates: counts by event, day and namespace, the number of users and addresses.

    Takes the keywords of :func:`scan`. No record is handed over.
    """
    return scan(paths, **what).summary()


def plan(paths: AnyPath | Iterable[AnyPath], **what: Any) -> dict[str, Any]:
    """What a dive would read, without reading it. Takes the keywords of :func:`scan`.

    :mod:`decostop.cluster` has the same in shares for many workers.
    """
    return scan(paths, **what).plan()


def verify(
    directory: AnyPath,
    *,
    against: AnyPath | Iterable[AnyPath] = (),
    profile: AnyPath | None = None,
) -> dict[str, Any]:
    """Reads the directory of a finished dive again by an independent path.

    The answer's ``clean`` says whether it may be handed out, ``leaks`` where not. With the raw logs
    in ``against``, foreign names are derived from them once more.
    """
    return _decostop.verify(directory, against=_paths(against), profile=profile)


class _Bar(Protocol):
    """What ``progress_bar`` needs of a tqdm bar."""

    total: Any
    n: Any

    def update(self, n: float = ..., /) -> object: ...


def progress_bar(bar: _Bar) -> Callable[[Progress], None]:
    """Moves a tqdm bar along with a dive: ``scan(..., progress=progress_bar(tqdm(unit="B")))``."""

    def move(progress: Progress) -> None:
        bar.total = progress["bytes_total"]
        bar.update(progress["bytes_done"] - bar.n)

    return move
