"""What JSON has no notation for, as a request writes it."""

from __future__ import annotations

import datetime
import os
from typing import TypedDict


class Progress(TypedDict):
    """How far a dive is. Bytes are as stored, ``decoded_bytes`` as the lines have them."""

    phase: str
    bytes_total: int
    bytes_done: int
    decoded_bytes: int
    matched: int
    records: int


def plain(value: object) -> str:
    """A time in RFC 3339, a path as text."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise TypeError("a time in a request needs a zone, such as datetime.timezone.utc")
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    raise TypeError(f"a request cannot hold a {type(value).__name__}")
