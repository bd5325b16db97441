"""JSON from outside: what the standard library reads, less the text that nobody can write."""

import json

import pytest

from lnbench import _json


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '"😀"', '{"a": [1, null, "\\u4e2d"]}', '"\\\\ud800"', "1e3"])
def test_whole_characters_are_read_as_ever(text):
    assert _json.loads(text) == json.loads(text) == _json.loads(text.encode())


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '"\\uDFFF"', '{"\\ude00\\ud83d": 1}', '[["a\\uD83D b"]]', '"\\\\ud83d\\udc00"', '"\ud800"']
)
def test_half_a_character_is_no_json(text):
    with pytest.raises(json.JSONDecodeError, match="half a character"):
        _json.loads(text)


def test_bytes_are_utf8():
    assert _json.loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    with pytest.raises(UnicodeDecodeError):
        _json.loads(b'"\xed\xa0\x80"')


def test_options_go_on():
    assert _json.loads('{"a": 1, "a": 2}', object_pairs_hook=list) == [("a", 1), ("a", 2)]
