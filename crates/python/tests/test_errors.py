"""Every kind of error has its exception, with advice as a note and no bytes of a log."""

from __future__ import annotations

import datetime

import decostop
import pytest


def test_kinds_have_one_root():
    for kind in (
        decostop.ConfigError,
        decostop.RefusedError,
        decostop.SourceError,
        decostop.SinkError,
        decostop.LimitError,
        decostop.LeakError,
        decostop.InternalError,
    ):
        assert issubclass(kind, decostop.DecostopError)


def test_nothing_to_look_for(corpus):
    with pytest.raises(decostop.ConfigError, match="nothing says"):
        decostop.scan(corpus.logs)


def test_request_and_keywords_exclude_each_other(corpus):
    with pytest.raises(decostop.ConfigError, match="request="):
        decostop.scan(corpus.logs, request=corpus.request, users=["mallory"])


def test_missing_paths(corpus, tmp_path):
    with pytest.raises(decostop.ConfigError):
        decostop.scan(tmp_path / "none", request=corpus.request)
    with pytest.raises(decostop.ConfigError) as raised:
        decostop.scan(corpus.logs, request=tmp_path / "none.toml")
    assert "none.toml" in str(raised.value)


def test_mistyped_key_is_named_with_advice():
    with pytest.raises(decostop.ConfigError) as raised:
        decostop.check({"version": 1, "custmer": {}})
    assert "custmer" in str(raised.value)
    assert any("customer" in note for note in raised.value.__notes__)


def test_refused(corpus):
    import tomllib

    request = tomllib.loads(corpus.request.read_text())
    request["customer"]["plan"] = "free"
    assert not decostop.check(request)["accepted"]
    with pytest.raises(decostop.RefusedError, match="plan.eligible"):
        decostop.scan(corpus.logs, request=request)


def test_dicts_hold_what_requests_hold(corpus):
    import tomllib

    request = tomllib.loads(corpus.request.read_text())
    assert isinstance(request["requested_at"], datetime.datetime)
    assert decostop.check(request)["accepted"]
    request["requested_at"] = request["requested_at"].replace(tzinfo=None)
    with pytest.raises(TypeError, match="zone"):
        decostop.check(request)
    request["requested_at"] = object()
    with pytest.raises(TypeError, match="cannot hold"):
        decostop.check(request)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": b"short"},
        {"profile": "/no/such/profile.toml"},
        {"tz": "Mars/Olympus"},
        {"since": "yesteryear"},
        {"events": ["no.such.event"]},
    ],
)
def test_wrong_arguments(corpus, wrong):
    what = {"users": ["mallory"], **wrong}
    with pytest.raises(decostop.ConfigError):
        decostop.scan(corpus.logs, **what)


def test_unknown_format(corpus, tmp_path):
    dive = decostop.scan(corpus.logs, request=corpus.request)
    with pytest.raises(decostop.ConfigError, match="format="):
        dive.write(tmp_path / "out", format="xlsx")


def test_nothing_to_verify(tmp_path):
    with pytest.raises(decostop.ConfigError):
        decostop.verify(tmp_path)


def test_damage_is_counted_not_raised(corpus, tmp_path):
    source = next(path for path in sorted(corpus.logs.rglob("*.zst")))
    whole = source.read_bytes()
    (tmp_path / source.name).write_bytes(whole[: len(whole) // 2])
    dive = decostop.scan(tmp_path, request=corpus.request)
    list(dive)
    assert dive.stats["counts"]["withheld"] > 0
