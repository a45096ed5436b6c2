"""What JSON has no notation for, as a request writes it."""

from __future__ import annotations

import datetime
import os


def plain(value: object) -> str:
    """A time in RFC 3339, a path as text."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise TypeError("a time in a request needs a zone, such as datetime.timezone.utc")
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a request cannot hold a {type(value).__name__}")
