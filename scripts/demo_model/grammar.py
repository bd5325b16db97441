"""Documents for training and testing: in one language, in all, or half in one and half in another."""

import random

from . import realise
from .content import draw, draw_sentences
from .lexicon import LANGUAGES, load_lexicon
from .realise import Document

TRAINING_MIX = {"plain": 28, "arith": 18, "qa": 20, "choice": 10, "summ": 19, "equations": 5}
"""Percent of training documents by kind."""
MIXTURE_MIX = {"plain": 40, "arith": 15, "qa": 20, "choice": 10, "summ": 15}
"""Percent of mixture rows by kind; no equations, which have no language."""
INTERCHANGE_MIX = {"plain": 45, "arith": 5, "qa": 15, "choice": 15, "summ": 20}
"""Percent of interchange rows by kind; few word problems, whose answers are digits everywhere."""


def draw_kind(mix: dict[str, int], rng: random.Random) -> str:
    """Draw a document kind from a table of percentages."""
    return rng.choices(list(mix), list(mix.values()))[0]


def parallel(
    kind: str, rng: random.Random, languages: tuple[str, ...] = LANGUAGES, *, held_out: bool = False
) -> list[Document]:
    """Draw one content and say it in each of `languages`."""
    if kind == "plain":
        contents = draw_sentences(rng, held_out=held_out)
        return [realise.plain(language, contents) for language in languages]
    content = draw(kind, rng, held_out=held_out)
    return [realise.TASKS[kind](language, content) for language in languages]


def document(language: str, kind: str, rng: random.Random, *, held_out: bool = False) -> Document:
    """Draw one document of `kind` in `language`; `equations` is text without a language."""
    if kind == "equations":
        return Document("", kind, "", "\n".join(_equation(rng) for _ in range(4)))
    return parallel(kind, rng, (language,), held_out=held_out)[0]


def _equation(rng: random.Random) -> str:
    if rng.random() < 0.5:
        a, b = rng.randint(2, 10), rng.randint(2, 10)
        return f"{a} + {b} = {a + b}"
    a = rng.randint(4, 15)
    b = rng.randint(2, a - 1)
    return f"{a} - {b} = {a - b}"


def switched(source: str, target: str, rng: random.Random) -> tuple[str, str]:
    """Draw a training document that begins in `source` and goes on in `target`.

    Returns:
        The beginning (it may be empty) and the rest, which begins with a space where `target` writes one.
    """
    kind = draw_kind(INTERCHANGE_MIX, rng)
    before, after = parallel(kind, rng, (source, target))
    if kind != "plain":
        return before.prompt, after.target
    prefix, rest = _cut_in_sentence(before, after, rng) if rng.random() < 0.5 else _cut_between(before, after, rng)
    space = load_lexicon(target).joiner if prefix else ""
    return prefix, space + rest


def _cut_between(before: Document, after: Document, rng: random.Random) -> tuple[str, str]:
    """Change the language after zero, one or two sentences."""
    cut = min(rng.randrange(3), len(before.sentences) - 1)
    join, join_rest = (load_lexicon(document.language).joiner for document in (before, after))
    return join.join(before.sentences[:cut]), join_rest.join(after.sentences[cut:])


def _cut_in_sentence(before: Document, after: Document, rng: random.Random) -> tuple[str, str]:
    """Change the language at a word, at about the same share of both texts."""
    share = rng.random()
    words, rest = _words(before), _words(after)
    join, join_rest = (load_lexicon(document.language).joiner for document in (before, after))
    return join.join(words[: int(share * len(words))]), join_rest.join(rest[int(share * len(rest)) :])


def _words(document: Document) -> list[str]:
    """Split at spaces; Chinese, which has none, into pairs of characters."""
    if document.language == "zh":
        return [document.text[start : start + 2] for start in range(0, len(document.text), 2)]
    return document.text.split(" ")
