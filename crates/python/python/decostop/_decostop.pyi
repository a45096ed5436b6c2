import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, final

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
    "Redactor",
    "RefusedError",
    "ShardBatches",
    "SinkError",
    "SourceError",
    "__version__",
    "check",
    "cluster_batches",
    "cluster_gather",
    "cluster_learn",
    "cluster_merge",
    "cluster_redact",
    "scan",
    "synth",
    "verify",
]

__version__: str

class DecostopError(Exception): ...
class ConfigError(DecostopError): ...
class RefusedError(DecostopError): ...
class SourceError(DecostopError): ...
class SinkError(DecostopError): ...
class LimitError(DecostopError): ...
class LeakError(DecostopError): ...
class InternalError(DecostopError): ...

@final
class Batch:
    @property
    def num_rows(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class Column:
    def __len__(self) -> int: ...
    @property
    def withheld(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class Dive:
    def __iter__(self) -> Iterator[Batch]: ...
    def __next__(self) -> Batch: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def write(
        self, out: str | os.PathLike[str], *, format: str = "ndjson", force: bool = False
    ) -> dict[str, Any]: ...
    def summary(self) -> dict[str, Any]: ...
    def plan(self) -> dict[str, Any]: ...
    def shards(self, count: int, key_file: str | os.PathLike[str] | None = None) -> list[str]: ...
    def cancel(self) -> None: ...
    def __enter__(self) -> Dive: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    @property
    def stats(self) -> dict[str, Any] | None: ...
    @property
    def reference(self) -> str: ...
    @property
    def ad_hoc(self) -> bool: ...
    def _repr_html_(self) -> str: ...

@final
class ShardBatches:
    def __iter__(self) -> Iterator[Batch]: ...
    def __next__(self) -> Batch: ...

@final
class Redactor:
    def __new__(
        cls,
        source: str,
        *,
        request: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        profile: str | os.PathLike[str] | None = None,
        key: bytes | None = None,
    ) -> Redactor: ...
    def text(self, line: str) -> str | None: ...
    def record(self, record: Mapping[str, Any]) -> dict[str, Any] | None: ...
    def column(self, lines: object) -> Column: ...
    @property
    def source(self) -> str: ...

def check(
    request: str | os.PathLike[str] | Mapping[str, Any],
    *,
    profile: str | os.PathLike[str] | None = None,
) -> dict[str, Any]: ...
def cluster_batches(
    shard: str,
    facts: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
    threads: int | None,
) -> ShardBatches: ...
def cluster_gather(
    parts: Sequence[str | os.PathLike[str]],
    facts: str | os.PathLike[str],
    out: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
    format: str,
    force: bool,
) -> dict[str, Any]: ...
def cluster_learn(
    shard: str,
    out: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
    threads: int | None,
) -> dict[str, Any]: ...
def cluster_merge(
    facts: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
    accounts: str | os.PathLike[str] | None,
) -> None: ...
def cluster_redact(
    shard: str,
    facts: str | os.PathLike[str],
    out: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
    threads: int | None,
) -> dict[str, Any]: ...
def scan(
    paths: Sequence[str | os.PathLike[str]],
    *,
    request: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    namespaces: Sequence[str] | None = None,
    projects: Sequence[str] | None = None,
    users: Sequence[str] | None = None,
    events: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    tz: str | None = None,
    profile: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    key: bytes | None = None,
    learn_all: bool = False,
    follow_ids: bool = False,
    follow_correlation: bool = False,
    dedup: bool = False,
    source_of: Sequence[tuple[str, str]] | None = None,
    rules: Sequence[str | os.PathLike[str]] | None = None,
    accounts: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Dive: ...
def synth(
    directory: str | os.PathLike[str],
    *,
    megabytes: int = 20,
    seed: int = 1,
    days: int = 5,
    codec: str = "mixed",
) -> None: ...
def verify(
    directory: str | os.PathLike[str],
    *,
    against: Sequence[str | os.PathLike[str]] | None = None,
    profile: str | os.PathLike[str] | None = None,
) -> dict[str, Any]: ...
