"""What a document says, before any language: drawn as numbers that point into the parallel word banks.

Because content is free of language, one content said in seven languages is a parallel document. Part of all slot
combinations is kept for testing: a combination whose key hashes below `HELD_OUT_PERCENT` never occurs in training
text, in any language.
"""

import calendar
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

HELD_OUT_PERCENT = 12
PERSON_CAUSES = 6
"""The first six causes have a person as their subject, the others a situation. A wrong answer is taken from the same
group, so the shape of a sentence does not give the answer away."""
BANK_SIZES = {
    "name": 16, "city": 16, "object": 14, "activity": 16, "place": 10, "time": 13, "weather": 4, "country": 24,
    "tongue": 16, "weekday": 7, "month": 12, "date_month": 12, "cause": 14,
}  # fmt: skip
QA_RELATIONS = ("city", "tongue", "place")
ARITH_OPERATIONS = ("buy", "together", "give")
TASK_KINDS = ("arith", "qa", "choice", "summ")
SENTENCE_WEIGHTS = {
    "timed": 6, "pair": 2, "residence": 2, "date": 2, "weather": 2, "countries": 2, "tongues": 2, "weekday_order": 1,
    "month_order": 1,
}  # fmt: skip

Slots = dict[str, int]
"""Slot name -> index into its bank, or a plain number (days, years, amounts)."""


@dataclass(frozen=True)
class Content:
    """One sentence or one task item, language-neutral."""

    kind: str
    """A sentence kind, or `arith.buy`, `qa.city`, `choice`, `summ`."""
    slots: Slots
    key: tuple[int, ...]
    """The slot combination that decides between training and test."""

    @property
    def held_out(self) -> bool:
        """Whether this combination is kept for testing."""
        text = f"{self.kind}|{','.join(map(str, self.key))}"
        return zlib.crc32(text.encode()) % 100 < HELD_OUT_PERCENT


def _pick(rng: random.Random, bank: str) -> int:
    return rng.randrange(BANK_SIZES[bank])


def _pick_different(rng: random.Random, bank: str, count: int) -> list[int]:
    return rng.sample(range(BANK_SIZES[bank]), count)


def _timed(rng: random.Random) -> Content:
    slots = {slot: _pick(rng, slot) for slot in ("time", "name", "activity", "place")}
    return Content("timed", slots, (slots["name"], slots["activity"], slots["place"]))


def _pair(rng: random.Random) -> Content:
    (name, other), (act, other_act) = _pick_different(rng, "name", 2), _pick_different(rng, "activity", 2)
    place, other_place = _pick_different(rng, "place", 2)
    slots = {"name": name, "other": other, "activity": act, "other_activity": other_act, "place": place}
    return Content("pair", {**slots, "other_place": other_place}, (name, act, other, other_act))


def _residence(rng: random.Random) -> Content:
    (name, other), (city, other_city) = _pick_different(rng, "name", 2), _pick_different(rng, "city", 2)
    slots = {"name": name, "other": other, "city": city, "other_city": other_city}
    return Content("residence", slots, (name, city, other_city))


def _date(rng: random.Random) -> Content:
    # No first of the month: French alone would need an ordinal there.
    year, month, day = rng.randint(1990, 2029), rng.randint(1, 12), rng.randint(2, 28)
    slots = {"year": year, "month_number": month, "date_month": month - 1, "day": day}
    return Content("date", {**slots, "weekday": calendar.weekday(year, month, day)}, (year, month, day))


def _weather(rng: random.Random) -> Content:
    # Only "in the morning", "in the evening", "today" and "now" (times 0-3) suit the weather.
    slots = {"time": rng.randrange(4), "weather": _pick(rng, "weather"), "city": _pick(rng, "city")}
    return Content("weather", slots, (slots["time"], slots["weather"], slots["city"]))


def _countries(rng: random.Random) -> Content:
    first, second, third = _pick_different(rng, "country", 3)
    slots = {"name": _pick(rng, "name"), "country": first, "second_country": second, "third_country": third}
    return Content("countries", slots, (first, second, third))


def _tongues(rng: random.Random) -> Content:
    first, second = _pick_different(rng, "tongue", 2)
    name = _pick(rng, "name")
    return Content("tongues", {"name": name, "tongue": first, "second_tongue": second}, (name, first, second))


def _weekday_order(rng: random.Random) -> Content:
    name, day = _pick(rng, "name"), _pick(rng, "weekday")
    return Content("weekday_order", {"name": name, "weekday": day, "next_weekday": (day + 1) % 7}, (name, day))


def _month_order(rng: random.Random) -> Content:
    name, month = _pick(rng, "name"), _pick(rng, "month")
    return Content("month_order", {"name": name, "month": month, "next_month": (month + 1) % 12}, (name, month))


def _arith(rng: random.Random) -> Content:
    operation, thing = rng.choice(ARITH_OPERATIONS), _pick(rng, "object")
    name, other = _pick_different(rng, "name", 2)
    if operation == "give":
        a = rng.randint(4, 15)
        b = rng.randint(2, a - 1)
    else:
        a, b = rng.randint(2, 10), rng.randint(2, 10)
    slots = {"name": name, "other": other, "object": thing, "a": a, "b": b}
    return Content(f"arith.{operation}", slots, (thing, a, b))


def _qa(rng: random.Random) -> Content:
    relation = rng.choice(QA_RELATIONS)
    name, value, day = _pick(rng, "name"), _pick(rng, relation), _pick(rng, "weekday")
    return Content(f"qa.{relation}", {"name": name, relation: value, "weekday": day}, (name, value))


def _choice(rng: random.Random) -> Content:
    cause, name = _pick(rng, "cause"), _pick(rng, "name")
    group = range(PERSON_CAUSES) if cause < PERSON_CAUSES else range(PERSON_CAUSES, BANK_SIZES["cause"])
    wrong = rng.choice([other for other in group if other != cause])
    return Content("choice", {"cause": cause, "wrong": wrong, "name": name}, (cause, name))


def _summ(rng: random.Random) -> Content:
    name, other = _pick_different(rng, "name", 2)
    slots = {slot: _pick(rng, slot) for slot in ("time", "city", "object")}
    slots = {"name": name, "other": other, **slots, "a": rng.randint(2, 12)}
    return Content("summ", slots, (name, other, slots["city"]))


DRAWERS: dict[str, Callable[[random.Random], Content]] = {
    "timed": _timed, "pair": _pair, "residence": _residence, "date": _date, "weather": _weather,
    "countries": _countries, "tongues": _tongues, "weekday_order": _weekday_order, "month_order": _month_order,
    "arith": _arith, "qa": _qa, "choice": _choice, "summ": _summ,
}  # fmt: skip


def draw(kind: str, rng: random.Random, *, held_out: bool = False) -> Content:
    """Draw one sentence or task item of `kind` from the training combinations, or from the held-out ones."""
    while True:
        content = DRAWERS[kind](rng)
        if content.held_out == held_out:
            return content


def draw_sentences(rng: random.Random, *, held_out: bool = False) -> list[Content]:
    """Draw the two to four sentences of a plain document."""
    kinds = rng.choices(list(SENTENCE_WEIGHTS), list(SENTENCE_WEIGHTS.values()), k=rng.randint(2, 4))
    return [draw(kind, rng, held_out=held_out) for kind in kinds]
