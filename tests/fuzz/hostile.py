"""What a hostile file may hold where something harmless stood."""

from __future__ import annotations

import json


def _nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + "0" + closing * depth


NUMBERS = (
    "null", "true", "false", "0", "-1", "1", "2", "7", "0.5", "-0.0", "3.0", "1e999", "-1e999", "1e308", "1E+400",
    "NaN", "Infinity", "-Infinity", "255", "4096", "65536", "2147483647", "2147483648", "4294967296",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "9" * 30, "9" * 400, "9" * 4000, "9" * 5000,
    "-" + "9" * 20, "01", "0x10", "1_000", ".5", "5e-324",
)  # fmt: skip

WORDS = (
    "", " ", "\0", "a\0b", "\n", "a\nb", "\r\n", "\t", "\u2028", "\u2029", "\x85", "\u202eabc\u202c", "\u200b",
    "\ufeff",
    "\x1b[2J", "\x1b]0;x\x07", "x" * 300, "x" * 5000, "é" * 3000, "/", "..", "../../x", "/etc/passwd", "/dev/zero", "~",
    "~nobody/x", "C:\\x", "hf://a/b/c@d", "hf://a/b", "hf://datasets/a/b/c", "=1+1", "@x", "-x", "٣", "²", "½", "１２",
    "१", "1e5", "-1", "0", "1", "5", "3.0", "nan", "inf", "null", "no", "yes", "all", "zh", "en", "xx", "zh-Hant",
    "und",
    "a+b", "zh+", "+", "ffn.act", "attn.q", "ffn", "random", "specific", "original", "zero", "scale:0.5", "set:mean:zh",
    "add:nan", "first:9", "last:99999999999999999999", "0-999999999", "understanding", "2.0", "1.0", "1", "9.9",
    "__class__", "{0.__class__}", "{lang}", "{seed}", "%s%n", "<script>alert(1)</script>", "file:///etc/passwd", "ﬁ",
    "İ",
    "ß", "\U0001f600", "\ud800", "\udfff\ud800", "0" * 64, "a" * 24, "none", "none,none", "acc,none", ",", "_",
    "a" * 256,
    "model.safetensors", "input", "x.yaml", "x.safetensors", "2001-99-99", "[a,b]", "{", "'", '"', "\\",
)  # fmt: skip

CONTAINERS = (
    "[]", "{}", "[[]]", "[{}]", '{"": 0}', "[null]", "[0, 0]", '{"a": 1, "a": 2}', '[1, "a"]', '[["a"], ["a"]]',
    '{"0": [1]}',
    '{"zh": "zh"}', '{"zh": {"0": 1}}', "[[[0]]]", '["zh", "zh"]', '["en", "zh"]', "[" + "0, " * 4000 + "0]",
    '["' + '", "'.join(str(n) for n in range(3000)) + '"]', _nested("[", "]", 60), _nested("[", "]", 3000),
    _nested('{"a":', "}", 2000), "[" * 40000, '{"a":' * 9000,
)  # fmt: skip

#: JSON texts to put in the place of a value.
VALUES = (*NUMBERS, *CONTAINERS, *(json.dumps(word) for word in WORDS))

#: Bytes to put anywhere.
TOKENS = tuple(
    [word.encode("utf-8", "surrogatepass") for word in WORDS if len(word) < 400]
    + [text.encode() for text in (*NUMBERS, *CONTAINERS)]
    + [
        b"\xff",
        b"\xfe\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\0" * 8,
        b"\xff" * 8,
        b",",
        b":",
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
    ]
)

YAML = (
    b"&a [*a]", b"*a", b"&a ", b"<<: *a", b"<<: 1", b"!!python/object/apply:os.system ['true']", b"!!binary 'x'",
    b"!!python/name:os.system ", b"!!timestamp x", b"2001-99-99", b"2001-01-01 25:61:61", b"0x_", b"0b_", b"0o9",
    b"._", b"1:60",
    b"190:20:30", b"? [a]\n: b", b"? {a: b}\n: c", b"---\n", b"...\n", b"%YAML 9.9\n---\n", b"%TAG ! x\n", b"\t",
    b"\n  ",
    b"\n- ", b"\n", b"!!set {a, b}", b"!!omap [a]", b"!!float x", b"!!int x", b"!!bool x", b"!!null x", b"| \n",
    b">-9\n", b"@",
    b"`", b"#", b"a: a: a", b"- - - -", b"? ", b": ", b"~", b".nan", b".inf", b"-.inf", b"no", b"{a: *b}", b"!!map [",
    b"!x y",
    b"&a a: &b\n  *a : *b", b"{" * 500, b"[" * 500, b"- " * 900, b"? " * 600, b'"\\U00110000"', b'"\\xZZ"',
    b"'\xed\xa0\x80'",
)  # fmt: skip

PICKLE = (
    b"cos\nsystem\n", b"cbuiltins\neval\n", b"c__builtin__\nexec\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"\x93",
    b"R", b"(",
    b"t", b"\x85", b"\x86", b"\x87", b"i", b"o", b"\x81", b"\x82\x01", b"\x83\x01\x02", b"\x84\x01\x02\x03\x04", b"b",
    b"0", b"2", b".",
    b"q\x00", b"h\x00", b"r\xff\xff\xff\x7f", b"j\xff\xff\xff\x7f", b"X\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 8,
    b"\x8e" + b"\xff" * 8,
    b"\x95" + b"\xff" * 8, b"Q", b"P1\n", b"ctorch\nBoolStorage\n", b"ctorch\nQUInt8Storage\n",
    b"ccollections\nOrderedDict\n",
    b"]", b"}", b"(dp0\n", b"(lp0\n", b"K\x05", b"J\xff\xff\xff\xff", b"\x8a\x09" + b"\xff" * 9,
    b"L9999999999999999999L\n", b"I01\n",
    b"F1e999\n", b"Vx\n", b"Sx\n", b"\x80\x05", b"u", b"s", b"e", b"a", b"\x88", b"N", b"1", b"d", b"l", b")", b"\x8f",
    b"\x90", b"\x91",
)  # fmt: skip
