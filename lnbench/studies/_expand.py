"""From the ``conditions:`` of a study to conditions: one for each language that is ablated and each draw."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lnbench.errors import SpecError
from lnbench.languages import language
from lnbench.models import Spec, fill_delta_name
from lnbench.neurons import expand_sites
from lnbench.studies._conditions import ORIGINAL, Condition
from lnbench.studies._sections import ABLATED, EXPECTED, ConditionEntry, named_languages, spec_of

_DONE = ("op", "spec", "steps")


def base_of(entries: Mapping[str, ConditionEntry], label: str) -> str | None:
    """The condition that a random control repeats on random neurons: what ``of`` names, else ``specific``."""
    entry = entries[label]
    if entry.of is not None:
        return entry.of
    says_nothing = all(getattr(entry, key) is None for key in _DONE)
    return "specific" if entry.control is not None and says_nothing and "specific" in entries else None


def spec_keys(entries: Mapping[str, ConditionEntry], label: str, folder: Path) -> dict[str, Any]:
    """The keys of a condition's spec: its own, and for a control those of the condition that it repeats."""
    base = base_of(entries, label)
    keys = {**({} if base is None else entries[base].keys()), **entries[label].keys()}
    beside = folder / str(keys.get("spec"))
    if isinstance(keys.get("spec"), str) and beside.is_file():
        keys["spec"] = str(beside)
    return keys


def absent(entries: Mapping[str, ConditionEntry], sites: Sequence[str], folder: Path = Path()) -> dict[str, list[str]]:
    """The optional conditions that ask for sites at which there are no neurons -> those sites.

    Args:
        entries: all conditions; a random control is as optional as what it controls.
        sites: where the neuron set has neurons.
        folder: of the study file.
    """
    found = {}
    for label, entry in entries.items():
        base = base_of(entries, label)
        asked = spec_keys(entries, label, folder).get("sites")
        if asked and (entry.optional or (base is not None and entries[base].optional)):
            wanted = list(spec_of({"sites": asked}).sites or ())
            if not set(expand_sites(wanted)) & set(sites):
                found[label] = wanted
    return found


def expand(
    entries: Mapping[str, ConditionEntry],
    ablated: Sequence[str],
    *,
    folder: Path = Path(),
    repeat: bool = False,
    without: Collection[str] = (),
) -> list[Condition]:
    """All conditions but those ``without``, language by language; with ``repeat`` the original once more at the end.

    Raises:
        SpecError: see :meth:`lnbench.models.Spec.parse`.
    """
    listed = [Condition(ORIGINAL)] if ORIGINAL in entries else []
    kept = [label for label in entries if label != ORIGINAL and label not in without]
    edits = [_edits(entries, label, folder, ablated) for label in kept]
    by_language = sorted((found for label in edits for found in label), key=lambda found: found[0])
    listed += [condition for _, condition in by_language]
    return [*listed, Condition(ORIGINAL, repeat=1)] if repeat and ORIGINAL in entries else listed


def _edits(
    entries: Mapping[str, ConditionEntry], label: str, folder: Path, ablated: Sequence[str]
) -> Iterator[tuple[int, Condition]]:
    """Yield (place of the language, condition) of one label, but for the languages whose neurons it excludes."""
    if entries[label].only_tuned:
        yield from _tuned(entries[label], label, ablated)
        return
    keys, entry = spec_keys(entries, label, folder), entries[label]
    whole = spec_of(keys, seed=entry.draws()[0])
    named = named_languages(whole)
    base = base_of(entries, label)
    chosen = entry.ablate or (entries[base].ablate if base else None) or ablated
    evaluate = entry.evaluate or (entries[base].evaluate if base else None)
    repeated = [language for language in chosen if language not in whole.exclude]
    for at, of in enumerate(repeated if named is None else ["+".join(named)]):
        place = ablated.index(of) if of in ablated else len(ablated) + at
        first: Spec = spec_of(keys, entry.draws()[0], of if named is None else None)
        for seed in entry.draws():
            spec = first if seed is None else first.model_copy(update={"seed": seed})
            asked = _evaluated(evaluate, of, spec)
            delta = None if entry.delta is None else fill_delta_name(entry.delta, of, seed)
            yield place, Condition(label, of, seed, spec=spec, evaluate=asked, delta=delta)


def _tuned(entry: ConditionEntry, label: str, ablated: Sequence[str]) -> Iterator[tuple[int, Condition]]:
    """Yield (place of the language, condition) where tuned weights are all that there is."""
    pattern = str(entry.delta)
    if entry.ablate is None and "{lang}" not in pattern:
        raise SpecError(f"delta {pattern!r} is of one language; name it with ablate: [CODE], or write {{lang}} for it")
    for at, of in enumerate(entry.ablate or ablated):
        for seed in entry.draws():
            evaluate = _evaluated(entry.evaluate, of, None)
            place = ablated.index(of) if of in ablated else len(ablated) + at
            yield place, Condition(label, of, seed, evaluate=evaluate, delta=fill_delta_name(pattern, of, seed))


def _evaluated(wanted: Sequence[str] | None, ablated: str, spec: Spec | None) -> tuple[str, ...] | None:
    """The languages that ``evaluate:`` means under one condition."""
    if wanted is None:
        return None
    expected = None if spec is None else spec.expect
    if EXPECTED in wanted and expected is None:
        raise SpecError(f"evaluate: {EXPECTED} needs a language that is expected; add expect: CODE")
    meant = {ABLATED: ablated.split("+"), EXPECTED: [str(expected)]}
    return tuple(dict.fromkeys(code for name in wanted for code in meant.get(name) or [language(name).code]))
