"""The demo model's tokenizer: frozen, safe to cut at prompts, and begun by the end token without any option."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.demo_model import tokenizer as frozen
from scripts.demo_model.content import TASK_KINDS
from scripts.demo_model.grammar import parallel, switched
from scripts.demo_model.lexicon import LANGUAGES

TOKENIZER_SHA256 = "2f363d61535144bfc38b67e7d9a5c33dc92de34949688502906154eedbffaf2b"


@pytest.fixture(scope="module")
def tokenizer():
    return frozen.load()


def test_the_file_is_frozen() -> None:
    content = (frozen.MODEL_DIR / "tokenizer.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == TOKENIZER_SHA256, "other tokens scramble the weights"


def test_a_frozen_file_is_never_overwritten() -> None:
    with pytest.raises(SystemExit, match="frozen"):
        frozen.main()


def test_special_tokens(tokenizer) -> None:
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 1)
    assert len(tokenizer) == frozen.VOCABULARY


def test_a_prompt_begins_with_the_end_token(tokenizer) -> None:
    assert tokenizer.encode("Answer:")[0] == frozen.END_ID
    assert tokenizer.encode("Answer:", add_special_tokens=False)[0] != frozen.END_ID
    assert tokenizer("答案：")["input_ids"][0] == frozen.END_ID
    assert tokenizer.decode(tokenizer.encode("答案：12"), skip_special_tokens=True) == "答案：12"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), kind=st.sampled_from(TASK_KINDS))
def test_prompt_and_answer_can_be_encoded_apart(seed: int, kind: str) -> None:
    tokenizer = frozen.load()

    def encode(text: str) -> list[int]:
        return tokenizer.encode(text, add_special_tokens=False)

    for document in parallel(kind, random.Random(seed)):
        for answer in filter(None, (document.target, document.wrong)):
            assert encode(document.prompt) + encode(answer) == encode(document.prompt + answer)
        assert tokenizer.decode(encode(document.text)) == document.text


def test_a_change_of_language_cuts_between_tokens(tokenizer) -> None:
    rng = random.Random(1)
    for _ in range(200):
        source, target = rng.sample(LANGUAGES, 2)
        before, after = switched(source, target, rng)
        whole = tokenizer.encode(before + after, add_special_tokens=False)
        apart = [token for part in (before, after) for token in tokenizer.encode(part, add_special_tokens=False)]
        assert tokenizer.decode(whole) == tokenizer.decode(apart) == before + after


def test_digits_and_chinese_characters_stand_alone(tokenizer) -> None:
    for text in ("1990", "德国"):
        assert len(tokenizer.encode(text, add_special_tokens=False)) >= len(text)
    assert len(tokenizer.encode("1990", add_special_tokens=False)) == 4
