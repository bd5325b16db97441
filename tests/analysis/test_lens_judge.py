"""In which language is one token: scripts, words, pieces of characters, and what nobody could tell."""

import pytest

from lnbench._data import demo_model_dir
from lnbench.analysis.lens import NO_LANGUAGE, OTHER_SCRIPT, UNDECIDABLE, Judge
from lnbench.analysis.lens._pieces import Pieces, could_become, unfinished
from tests.analysis.lens_models import byte_tokenizer, word_tokenizer

DEMO = ("en", "zh", "fr", "es", "de", "ru", "sw")


class Fixed:
    """A tokenizer of fixed pieces, for the judge alone."""

    all_special_ids = (0,)

    def __init__(self, *pieces):
        self._pieces = ["</s>", "a", *pieces]

    def __len__(self):
        return len(self._pieces)

    def encode(self, text, add_special_tokens=True):
        return [1]

    def decode(self, ids, **_):
        return "".join(self._pieces[number] for number in ids)

    def convert_ids_to_tokens(self, number):
        return self._pieces[number]


def judged(piece, candidates=DEMO, **more):
    return Judge(Fixed(piece), candidates, **more).verdict(2)


@pytest.mark.parametrize(
    ("piece", "candidates", "language"),
    [
        ("水", DEMO, "zh"),
        (" вода", DEMO, "ru"),
        ("ый", DEMO, "ru"),
        ("水", ("en", "zh", "ja"), UNDECIDABLE),
        ("みず", ("en", "zh", "ja"), "ja"),
        ("ー", ("en", "zh", "ja"), "ja"),
        ("물", ("en", "ko", "zh"), "ko"),
        ("水", ("en", "ko"), "ko"),
        ("ี", ("en", "th"), "th"),
        ("tion", ("en", "zh"), "en"),
        ("tion", DEMO, UNDECIDABLE),
        ("น้ำ", DEMO, OTHER_SCRIPT),
        ("水water", DEMO, UNDECIDABLE),
        ("水น", DEMO, OTHER_SCRIPT),
        (" 12", DEMO, NO_LANGUAGE),
        ("٣", DEMO, NO_LANGUAGE),
        ("。\n", DEMO, NO_LANGUAGE),
        (" ", DEMO, NO_LANGUAGE),
        ("µ", ("en", "zh"), NO_LANGUAGE),
        ("\u0301", ("en", "zh"), NO_LANGUAGE),
    ],
    ids=range(20),
)
def test_the_script_decides_where_one_candidate_alone_writes_it(piece, candidates, language):
    found = judged(piece, candidates)
    assert found.language == language
    assert found.by == ("nothing" if language in (UNDECIDABLE, NO_LANGUAGE) else "script")


@pytest.mark.parametrize(
    ("piece", "language"),
    [(" between", "en"), (" aujourd", "fr"), (" kwenda", "sw"), (" siempre", "es"), (" zwischen", "de")],
    ids=str,
)
def test_a_word_is_the_identifiers_to_tell(piece, language):
    found = judged(piece)
    assert (found.language, found.by) == (language, "identifier")


@pytest.mark.parametrize("piece", ["between", " Between", " EU", " the", " b4ween", " x-between"], ids=str)
def test_what_is_no_whole_lower_case_word_is_not(piece):
    assert judged(piece).language == UNDECIDABLE


def test_a_word_needs_so_many_letters():
    assert judged(" between", word_letters=8).language == UNDECIDABLE
    assert judged(" between", word_letters=7).language == "en"


def test_a_candidate_that_the_identifier_does_not_know_leaves_words_undecided():
    assert judged(" between", ("en", "fr", "rn")).language == UNDECIDABLE  # py3langid has no Rundi


def test_special_tokens_and_rows_without_a_token_have_no_language():
    judge = Judge(Fixed("水"), DEMO)
    assert judge.verdict(0).language == judge.verdict(999).language == NO_LANGUAGE


def test_spaces_before_words_are_seen_in_both_kinds_of_tokenizers():
    words, bytes_ = word_tokenizer(), byte_tokenizer("Ġ w")
    assert Pieces(words).of(words.convert_tokens_to_ids("▁water")) == b" water"
    assert Pieces(words).of(words.convert_tokens_to_ids("▁水")) == " 水".encode()
    assert Pieces(bytes_).of(bytes_.convert_tokens_to_ids("Ġw")) == b" w"


def test_every_byte_of_a_byte_level_tokenizer_is_itself():
    tokenizer = byte_tokenizer()
    pieces, found = Pieces(tokenizer), set()
    for number in range(1, 257):
        found.add(pieces.of(number))
    assert found == {bytes([byte]) for byte in range(256)}
    text = "水 é, 🌊."
    ids = tokenizer(text)["input_ids"]
    assert b"".join(map(pieces.of, ids)) == text.encode()


def test_bytes_of_the_fallback_kind_are_read():
    pieces = Pieces(Fixed("<0xE6>"))
    assert pieces._raw("<0xE6>") == b"\xe6"


def verdicts(text, candidates=DEMO):
    """What each byte of a text is judged as, behind the bytes before it."""
    tokenizer = byte_tokenizer()
    judge, before, found = Judge(tokenizer, candidates), b"", []
    for number in tokenizer(text)["input_ids"]:
        found.append(judge.verdict(number, before).language)
        before = judge.begun(before, number)
    assert before == b""
    return found


def test_pieces_of_a_character_are_judged_by_what_they_make_with_the_text_before():
    assert verdicts("水") == [UNDECIDABLE, "zh", "zh"] or verdicts("水") == ["zh", "zh", "zh"]
    assert verdicts("я") == ["ru", "ru"]  # D1 begins letters of Cyrillic alone
    assert verdicts("é", ("fr", "ru"))[1] == "fr"
    assert verdicts("é") == [UNDECIDABLE, UNDECIDABLE]  # many languages write it
    assert verdicts("🌊")[:3] == [UNDECIDABLE] * 3 and verdicts("🌊")[3] == NO_LANGUAGE


def test_a_piece_without_its_beginning_is_undecided():
    tokenizer = byte_tokenizer()
    judge = Judge(tokenizer, DEMO)
    middle = next(n for n in range(1, 257) if judge.pieces.of(n) == b"\xb0")
    assert judge.verdict(middle).language == UNDECIDABLE
    assert judge.verdict(middle, "水".encode()[:2]).language == "zh"


@pytest.mark.parametrize("character", ["é", "я", "水", "ก", "🌊", "\u07ff", "\u0800", "\uffff", "\U0010ffff"])
def test_a_begun_character_can_become_itself_and_only_what_begins_so(character):
    encoded = character.encode()
    for length in range(1, len(encoded)):
        begun = unfinished(b"x" + encoded[:length])
        assert begun == encoded[:length]
        others = could_become(begun)
        assert ord(character) in others
        for code in (others[0], others[-1]):
            if not 0xD800 <= code < 0xE000:
                assert chr(code).encode().startswith(begun)
    assert unfinished(encoded) == unfinished(encoded + b"x") == b""


def test_the_words_of_the_demo_are_rarely_called_another_language():
    """On the text of the embedded model: of the tokens that are given a language, nearly all get the right one."""
    if not (demo_model_dir() / "tokenizer.json").exists():
        pytest.skip("the demo model is not in this checkout")
    import json

    from lnbench._data import packaged
    from lnbench.models import load_tokenizer

    tokenizer = load_tokenizer("lnbench/demo")
    judge = Judge(tokenizer, DEMO)
    for code in DEMO:
        rows = (packaged("tasks") / "demo" / "data" / f"summ_{code}.jsonl").read_text(encoding="utf-8").splitlines()
        ids = [number for row in rows for number in tokenizer(json.loads(row)["prompt"])["input_ids"]]
        found = [judge.verdict(number).language for number in ids]
        decided = [one for one in found if one in DEMO]
        assert len(decided) > 0.05 * len(found)
        assert decided.count(code) >= 0.9 * len(decided), code
