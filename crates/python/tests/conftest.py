"""A small corpus with ground truth, made once for all tests."""

from __future__ import annotations

import json
from pathlib import Path

import decostop
import pytest


class Corpus:
    """Logs, a request, and what a dive must find."""

    def __init__(self, root: Path) -> None:
        self.logs = root / "logs"
        self.request = root / "request.toml"
        self.support = root / "request-support.toml"
        self.truth = root / "truth"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("corpus")
    decostop.synth(root, megabytes=4, seed=11, codec="zstd")
    return Corpus(root)


@pytest.fixture(scope="session")
def key() -> bytes:
    return bytes(range(32))


@pytest.fixture(scope="session")
def records(corpus: Corpus, key: bytes, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The records as JSON lines have them: what every other way must give too."""
    out = tmp_path_factory.mktemp("ndjson") / "out"
    decostop.scan(corpus.logs, request=corpus.request, key=key).write(out)
    packed = out / "disclosure" / "records.ndjson.zst"
    import pyarrow

    with pyarrow.CompressedInputStream(str(packed), "zstd") as stream:
        return [json.loads(line) for line in stream.read().splitlines()]
