"""Say a content in one language.

A pattern of the lexicon is filled with every form of every slot: slot `city` gives `{city}` (base form), `{city_in}`,
`{city_to}`. All agreement is therefore chosen in the language's own file, and no rule of a language is code here.
"""

from dataclasses import dataclass, field

from .content import Content
from .lexicon import Lexicon, load_lexicon

SLOT_BANKS = {
    "name": "name", "other": "name", "city": "city", "other_city": "city", "object": "object", "activity": "activity",
    "other_activity": "activity", "place": "place", "other_place": "place", "time": "time", "weather": "weather",
    "country": "country", "second_country": "country", "third_country": "country", "tongue": "tongue",
    "second_tongue": "tongue", "weekday": "weekday", "next_weekday": "weekday", "month": "month",
    "next_month": "month", "date_month": "date_month",
}  # fmt: skip
"""Slots that are looked up in a word bank; all others are numbers and are written as digits."""


@dataclass(frozen=True)
class Document:
    """A content in one language, as a prompt and what follows it."""

    language: str
    """Language code, or an empty string for text without a language (bare equations)."""
    kind: str
    prompt: str
    """Ends before the answer and never with a space; empty for plain text."""
    target: str
    """Begins with a space where the language writes one."""
    parts: dict[str, str] = field(default_factory=dict)
    """The pieces that the prompt was put together from (`question`, `context`, `text`)."""
    wrong: str = ""
    """The other choice of a `choice` item."""
    sentences: tuple[str, ...] = ()
    """The sentences of a plain document."""

    @property
    def text(self) -> str:
        """The whole document."""
        return self.prompt + self.target


def slot_values(lexicon: Lexicon, content: Content) -> dict[str, str]:
    """Return every form of every slot of `content`, by the name that patterns use."""
    values: dict[str, str] = {}
    for slot, index in content.slots.items():
        if slot not in SLOT_BANKS:
            values[slot] = str(index)
            continue
        for form, text in lexicon.forms(SLOT_BANKS[slot], index).items():
            values[slot if form == "base" else f"{slot}_{form}"] = text
    if "object" in content.slots:
        for slot, number in (("count", "a"), ("other_count", "b")):
            if number in content.slots:
                values[slot] = lexicon.counted(content.slots["object"], content.slots[number])
    return values


def sentence(language: str, content: Content) -> str:
    """Return a plain sentence."""
    lexicon = load_lexicon(language)
    return lexicon.templates[content.kind].format_map(slot_values(lexicon, content))


def plain(language: str, contents: list[Content]) -> Document:
    """Return a plain document: its sentences in a row."""
    sentences = tuple(sentence(language, content) for content in contents)
    return Document(language, "plain", "", load_lexicon(language).joiner.join(sentences), sentences=sentences)


def arith(language: str, content: Content) -> Document:
    """Return a word problem; the answer is digits in every language."""
    lexicon = load_lexicon(language)
    question = lexicon.templates[content.kind].format_map(slot_values(lexicon, content))
    a, b = content.slots["a"], content.slots["b"]
    answer = a - b if content.kind == "arith.give" else a + b
    prompt = lexicon.templates["arith.prompt"].format(question=question)
    return Document(language, "arith", prompt, f"{lexicon.joiner}{answer}", {"question": question})


def qa(language: str, content: Content) -> Document:
    """Return a question on a passage of a day and one fact; the answer is a span of the passage."""
    lexicon = load_lexicon(language)
    values = slot_values(lexicon, content)
    fact, question, answer = (
        lexicon.templates[f"{content.kind}.{part}"].format_map(values) for part in ("fact", "question", "answer")
    )
    day = lexicon.templates["qa.day"].format_map(values)
    parts = {"context": lexicon.joiner.join((day, fact)), "question": question}
    return Document(language, "qa", lexicon.templates["qa.prompt"].format_map(parts), lexicon.joiner + answer, parts)


def choice(language: str, content: Content) -> Document:
    """Return a cause with its effect and a wrong effect."""
    lexicon = load_lexicon(language)
    values = slot_values(lexicon, content) | {"pronoun": lexicon.pronoun(content.slots["name"])}
    cause = lexicon.causes[content.slots["cause"]][0].format_map(values)
    right, wrong = (_effect(lexicon, content.slots[slot], values) for slot in ("cause", "wrong"))
    prompt = lexicon.templates["choice.prompt"].format(cause=cause[:1].upper() + cause[1:])
    return Document(language, "choice", prompt, right, {"cause": cause}, wrong)


def _effect(lexicon: Lexicon, cause: int, values: dict[str, str]) -> str:
    effect = lexicon.causes[cause][1].format_map(values)
    return lexicon.joiner + lexicon.templates["choice.effect"].format(effect=effect)


def summ(language: str, content: Content) -> Document:
    """Return three sentences and their one-sentence summary."""
    lexicon = load_lexicon(language)
    values = slot_values(lexicon, content)
    text, summary = (lexicon.templates[f"summ.{part}"].format_map(values) for part in ("text", "summary"))
    prompt = lexicon.templates["summ.prompt"].format(text=text)
    return Document(language, "summ", prompt, lexicon.joiner + summary, {"text": text})


TASKS = {"arith": arith, "qa": qa, "choice": choice, "summ": summ}
