"""The redaction pipeline alone, over texts, dicts and columns."""

from __future__ import annotations

import json

import decostop
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LINE = {"time": "2026-11-03T10:00:00Z", "username": "somebody", "status": 200, "remote_ip": "203.0.113.9"}
KEY = bytes(32)


@pytest.fixture(scope="module")
def redactor() -> decostop.Redactor:
    return decostop.Redactor("production_json", key=KEY)


def test_text_and_dict_agree(redactor):
    text = redactor.text(json.dumps(LINE))
    record = redactor.record(LINE)
    assert text is not None and json.loads(text) == record
    assert record["status"] == 200 and record["actor"].startswith("user-")
    assert "somebody" not in text and "203.0.113.9" not in text


def test_what_is_no_record_is_withheld(redactor):
    assert redactor.text("no JSON") is None
    assert redactor.record({"status": 200}) is None


def test_same_key_same_pseudonyms(redactor):
    again = decostop.Redactor("production_json", key=KEY)
    other = decostop.Redactor("production_json")
    assert again.record(LINE) == redactor.record(LINE)
    assert other.record(LINE)["actor"] != redactor.record(LINE)["actor"]


def test_columns(redactor):
    import polars
    import pyarrow

    lines = [json.dumps(LINE), None, "no JSON"]
    made = redactor.column(pyarrow.array(lines))
    assert len(made) == 3 and made.withheld == 1
    assert pyarrow.array(made).to_pylist() == [redactor.text(lines[0]), None, None]
    for column in (
        pyarrow.chunked_array([lines, lines]),
        pyarrow.array(lines, pyarrow.large_string()),
        pyarrow.array(lines, pyarrow.string_view()),
        polars.Series(lines),
    ):
        assert pyarrow.array(redactor.column(column)).to_pylist()[0] == redactor.text(lines[0])
    with pytest.raises(decostop.ConfigError):
        redactor.column(pyarrow.array([1, 2]))
    with pytest.raises(decostop.ConfigError):
        redactor.column(["a list"])


def test_unknown_source():
    with pytest.raises(decostop.ConfigError):
        decostop.Redactor("production_jsn")


names = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=9, max_size=20)


@settings(max_examples=60, deadline=None)
@given(names, st.dictionaries(st.text(max_size=12), st.one_of(st.text(max_size=30), st.integers(), st.none()), max_size=6))
def test_no_stranger_survives(name, more):
    redactor = decostop.Redactor("production_json", key=KEY)
    line = {**more, "time": "2026-11-03T10:00:00Z", "username": f"zq{name}", "message": f"hello zq{name}"}
    text = redactor.text(json.dumps(line))
    assert text is None or f"zq{name}" not in text.lower()
