"""The layer-block table and the sweep, held to numbers computed directly from the scores."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from lnbench.analysis import workflow as room
from lnbench.errors import DataError
from lnbench.reporting import FORMATS, Results, render
from lnbench.reporting.statistics import mean_interval

from ..checking.conftest import call
from ..reporting.conftest import documents, scores

LANGUAGES = ("en", "zh", "fr")
N = 40


def what(layers="solving", sites=("ffn",), n1=1, n2=1):
    keys = {"layers": layers, "n1": n1, "n2": n2, "steps": [{"op": "zero"}]}
    return json.dumps({**keys, **({"sites": list(sites)} if sites else {})}, sort_keys=True)


def made(rng, shift, noise=0.3):
    """Scores of each document: the original's, less a harm around ``shift``."""
    return lambda base: base - shift + noise * rng.standard_normal(len(base))


def study(conditions, *, seeds=4, ablated=LANGUAGES, evaluated=LANGUAGES, neurons=5, absent=None):
    """``conditions``: label -> (what, {language: harm of its own neurons}, harm of others' neurons)."""
    rng = np.random.default_rng(0)
    base = {code: rng.uniform(2, 3, N) for code in evaluated}
    docs = {code: documents(N, code) for code in evaluated}

    def entry(values, code, **role):
        return replace(scores(list(values), code, metric="rougeL", docs=docs[code], **role), neurons=neurons)

    entries = [entry(base[code], code) for code in evaluated]
    for label, (spec, own, other) in conditions.items():
        for target in ablated:
            for code in evaluated:
                role = {"ablated": target, "what": spec}
                harm = own.get(code, 0.0) if code == target else other
                entries.append(entry(made(rng, harm)(base[code]), code, condition=label, **role))
                for seed in range(seeds):
                    control = {"condition": f"random {label}", "seed": seed, **role}
                    entries.append(entry(made(rng, 0.05 * seed)(base[code]), code, **control))
    return Results(tuple(entries), absent=absent or {})


OWN = {"en": 0.2, "zh": 1.0, "fr": 0.6}
RESULTS = study({"solving-ffn": (what(), OWN, 0.1), "understanding-ffn": (what("understanding"), {}, 0.0)})


def changes(results, label, target, code, seed=None):
    original, one = (
        next(s.scores for s in results if (s.condition, s.ablated, s.evaluated, s.seed) == key)
        for key in (("original", None, code, None), (label, target, code, seed))
    )
    return one - original


def contrast(label, seed=None):
    """Per document: mean harm in the other languages less harm in English."""
    harm = {code: -changes(RESULTS, label, code, code, seed) for code in LANGUAGES}
    return (harm["zh"] + harm["fr"]) / 2 - harm["en"]


def test_every_number_of_a_row():
    table = room.workflow_table(RESULTS)
    cells = table.row("solving-ffn").cells
    own = {code: changes(RESULTS, "solving-ffn", code, code) for code in LANGUAGES}
    assert cells["English change"].value == pytest.approx(own["en"].mean())
    assert cells["non-English change"].value == pytest.approx((own["zh"].mean() + own["fr"].mean()) / 2)
    both = (own["zh"] + own["fr"]) / 2
    assert cells["non-English change"].interval == pytest.approx(mean_interval(both, 3.0))
    original = np.mean([s.scores.mean() for s in RESULTS if s.condition == "original" and s.evaluated != "en"])
    assert cells["non-English"].value == pytest.approx(original + both.mean())
    gap = contrast("solving-ffn")
    assert cells["gap"].value == pytest.approx(gap.mean())
    assert cells["gap"].interval == pytest.approx(mean_interval(gap, 6.0))
    randoms = [contrast("random solving-ffn", seed).mean() for seed in range(4)]
    over = gap.mean() - np.mean(randoms)
    noise = np.mean([contrast("random solving-ffn", seed) for seed in range(4)], axis=0) - gap
    half = max(
        t.ppf(0.975, 3) * np.std(randoms, ddof=1) * math.sqrt(1 + 1 / 4),
        t.ppf(0.975, N - 1) * noise.std(ddof=1) / math.sqrt(N),
    )
    assert cells["gap over random"].value == pytest.approx(over)
    assert cells["gap over random"].interval == pytest.approx((over - half, over + half))
    random = table.row("random solving-ffn").cells["gap"]
    assert (random.value, random.sd) == pytest.approx((np.mean(randoms), np.std(randoms, ddof=1)))
    assert cells["gap"].mark == "*" and table.row("understanding-ffn").cells["gap"].mark == ""


def test_rows_follow_the_layers_and_controls_their_condition():
    labels = [row.condition for row in room.workflow_table(RESULTS).rows]
    assert labels == ["original", "random understanding-ffn", "understanding-ffn", "random solving-ffn", "solving-ffn"]


def test_english_under_the_other_languages_neurons():
    table = room.workflow_table(RESULTS, english="other")
    under = [changes(RESULTS, "solving-ffn", target, "en").mean() for target in ("zh", "fr")]
    assert table.row("solving-ffn").cells["English change"].value == pytest.approx(np.mean(under))
    without = study({"solving-ffn": (what(), OWN, 0.1)}, ablated=("zh", "fr"))
    assert room.workflow_table(without).settings["english"] == "other"
    with pytest.raises(DataError, match="not every condition ablates English"):
        room.workflow_table(without, english="own")


def test_lower_is_better_turns_the_gap_round():
    turned = [replace(s, higher_is_better=False, scores=-s.scores, value=-s.value) for s in RESULTS]
    one, two = room.workflow_table(RESULTS), room.workflow_table(Results(tuple(turned)))
    assert two.row("solving-ffn").cells["gap"].value == pytest.approx(one.row("solving-ffn").cells["gap"].value)
    assert two.row("solving-ffn").cells["gap"].mark == "*"


def test_a_gap_of_several_seeds_is_that_of_all_of_them():
    """Value, interval and test are of the mean over seeds, whichever seed comes first."""
    rng = np.random.default_rng(1)

    def with_seeds(order):
        found = [s for s in RESULTS if s.condition != "solving-ffn" or s.role.control]
        for s in (s for s in RESULTS if s.condition == "solving-ffn" and not s.role.control):
            for seed, more in enumerate(order):
                lost = s.scores - more * (s.evaluated != "en" and s.evaluated == s.ablated)
                found.append(replace(s, role=replace(s.role, seed=seed), scores=lost, value=float(lost.mean())))
        return Results(tuple(found))

    order = rng.uniform(0, 0.2, 5)
    one, two = (room.workflow_table(with_seeds(list(each))).row("solving-ffn") for each in (order, order[::-1]))
    alone = room.workflow_table(RESULTS).row("solving-ffn").cells["gap"]
    gap, turned = one.cells["gap"], two.cells["gap"]
    assert gap.value == pytest.approx(alone.value + order.mean())
    assert gap.interval == pytest.approx(turned.interval) and gap.interval[0] < gap.value < gap.interval[1]
    over = (row.cells["gap over random"] for row in (one, two))
    assert len({round(cell.value, 9) for cell in over}) == 1


def test_what_has_no_neurons_shows_no_number():
    idle = study({"solving-ffn": (what(), OWN, 0.1)}, absent={"solving-attn": ("attn",)})
    empty = study({"solving-both": (what(sites=()), {}, 0.0)}, neurons=0)
    table = room.workflow_table(idle)
    assert table.rows[-1].condition == "solving-attn (no neurons at attn)" and not table.rows[-1].cells
    none = room.workflow_table(empty)
    assert [row.condition for row in none.rows[1:]] == ["random solving-both (no neurons)", "solving-both (no neurons)"]
    assert not none.rows[-1].cells and "no language has a neuron there" in " ".join(none.notes)
    assert "Not run" in render(table, "terminal") and room.workflow_png([table, none]).startswith(b"\x89PNG")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(form):
    text = render(room.workflow_table(RESULTS), form)
    assert "solving-ffn" in text and "non-English" in text
    if form == "json":
        again = room.WorkflowTable.from_json(json.loads(text))
        assert again.row("solving-ffn").cells["gap"].mark == "*" and render(again, "csv")


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (study({"solving-ffn": (what(), OWN, 0.1)}, evaluated=("zh", "fr")), "no English documents"),
        (study({"solving-ffn": (what(), OWN, 0.1)}, ablated=("en",)), "no language but English"),
        (study({}), "ablate no language by itself"),
    ],
    ids=["no-english", "only-english", "nothing"],
)
def test_refusals(results, said):
    with pytest.raises(DataError, match=said):
        room.workflow_table(results)
    with pytest.raises(DataError, match="english='both' is unknown"):
        room.workflow_table(RESULTS, english="both")


# The sweep


def swept(gaps, first_half=None):
    """Conditions of a sweep by (n1, n2); harm in zh, with another one on every second document where it is given."""
    conditions = {
        f"solving-{n1}-{n2}": (what(sites=(), n1=n1, n2=n2), {"zh": gap, "fr": gap}, 0.0)
        for (n1, n2), gap in gaps.items()
    }
    found = study(conditions, seeds=2)
    if first_half is None:
        return found
    label, harm = first_half
    entries = [
        replace(s, scores=s.scores - harm * (np.arange(N) % 2 == 0))
        if s.condition == label and s.ablated == s.evaluated != "en"
        else s
        for s in found
    ]
    return Results(tuple(entries))


def test_the_pick_is_confirmed_where_it_was_not_made():
    found = room.sweep(swept({(0, 0): 0.5, (0, 1): 0.0, (1, 0): 0.0}, ("solving-0-1", 2.0)), "solving")
    pick = found.pick
    assert (pick.n1, pick.n2) == (0, 1) and (found.largest.n1, found.largest.n2) == (0, 1)
    assert pick.first == pytest.approx(2.0, abs=0.3) and abs(pick.second) < 0.3  # what won it is not there again
    best = found.at(0, 0)
    assert best is not None and best.apart and best.second > pick.second
    flat = found.at(1, 0)
    assert flat is not None and not flat.apart and found.at(1, 1) is None


def test_equal_gaps_go_to_the_smallest_blocks():
    same = swept({(1, 0): 0.5, (0, 1): 0.5})
    first = {(s.ablated, s.evaluated, s.seed): s for s in same if "solving-1-0" in s.condition}
    twins = [
        replace(s, scores=first[s.ablated, s.evaluated, s.seed].scores) if "solving-0-1" in s.condition else s
        for s in same
    ]
    found = room.sweep(Results(tuple(twins)), "solving")
    assert (found.pick.n1, found.pick.n2) == (0, 1) and not any(cell.apart for cell in found.cells)


@pytest.mark.parametrize("form", FORMATS)
def test_the_grid_in_every_format(form):
    (found,) = room.sweeps(swept({(0, 0): 0.5, (1, 0): 1.0}))
    text = room.render_sweep(found, form)
    assert json.loads(text)["pick"]["n1"] == 1 if form == "json" else "1" in text
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["picked"] for row in rows] == ["false", "true"]
    assert room.sweep_png([found]).startswith(b"\x89PNG")
    with pytest.raises(DataError, match="no format 'html'"):
        room.render_sweep(found, "html")


def test_no_sweep():
    with pytest.raises(DataError, match="run plnd-sweep"):
        room.sweeps(RESULTS)


def test_sections_say_also_what_is_absent():
    section = room.workflow_section(RESULTS)
    assert (
        "wider than of random sets: solving-ffn" in section.text and len(section.tables) == len(section.pictures) == 1
    )
    assert all(len(row) == len(section.tables[0].header) for row in section.tables[0].rows)
    quiet = study({"specific": (what("all", ()), {}, 0.0), "specific-without-english": (what("all", ()), {}, 0.0)})
    assert "no condition's gap differs" in room.without_english_section(quiet).text
    assert json.dumps(room.sweep_section(swept({(0, 0): 0.5, (1, 0): 1.0})).data, allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["workflow", "nowhere"], "there is no folder 'nowhere'"),
        (["workflow", "nowhere", "--format", "html"], "--format 'html' is unknown"),
        (["sweep", "nowhere", "--english", "both"], "--english 'both' is unknown"),
        (["workflow", "nowhere", "--png", "x.jpg"], "has another suffix"),
        (["counts", "nowhere.pt"], "nowhere.pt"),
    ],
    ids=["folder", "format", "reading", "suffix", "set"],
)
def test_bad_arguments(arguments, said, monkeypatch, tmp_path):
    from lnbench.errors import LnbenchError

    monkeypatch.chdir(tmp_path)
    with pytest.raises(LnbenchError, match=said):
        call(["plot", *arguments])
    assert not list(tmp_path.iterdir())
