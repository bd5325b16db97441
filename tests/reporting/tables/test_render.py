"""What a table looks like: the same digits in every format, hostile names harmless, one line of text at a time."""

import csv
import io
import json
import math
import re

import pytest

from lnbench.errors import DataError
from lnbench.reporting import FORMATS, Table, TableCell, TableRow, render
from lnbench.reporting.tables import describe
from lnbench.reporting.tables._format import Style

NAN = math.nan


def cell(value, **more):
    return TableCell(value=value, n=25, coverage=1.0, **more)


def table(model="org/model_7b", **change):
    lost, spared = {"p": 1e-5, "against_random_interval": (0.6, 0.9)}, {"against_random_interval": (-0.1, 0.14)}
    original = {"en": cell(0.9, interval=(0.7, 0.98)), "zh": cell(0.8), "average": cell(0.85), "fidelity": cell(1.0)}
    random = {"en": cell(0.896, sd=0.004), "zh": cell(0.8, sd=0.0), "average": cell(0.848), "fidelity": cell(0.99)}
    specific = {
        "en": cell(0.88, base=0.9, difference=-0.02, interval=(-0.1, -0.0004), K=5, **spared),
        "zh": cell(0.04, base=0.8, difference=-0.76, interval=(-0.89, -0.61), mark="*", corrected_p=0.001, **lost),
        "average": cell(0.46, mark="+", difference=-0.39, interval=(-0.45, -0.3)),
        "fidelity": TableCell(value=NAN, n=0, coverage=0.0, reason="no document is scored in both conditions"),
    }
    rows = (
        TableRow("original", None, False, (), original),
        TableRow("random", "zh", True, (0, 1, 2, 3, 4), random),
        TableRow("specific", "zh", False, (), specific),
    )
    harm = {"target": 0.76, "off_target": 0.02, "difference": 0.74, "english_gap": 0.74, "langspec_f1": 0.96}
    harm |= {"against_random": 0.756, "against_random_interval": (0.6, 0.912), "rank_p": 1 / 6, "K": 5}
    fields = {
        "model": model,
        "dataset": "demo_summ",
        "metric": "exact_match",
        "higher_is_better": True,
        "percent": True,
        "languages": ("en", "zh"),
        "documents": {"en": 25, "zh": 25},
        "parallel": True,
        "fidelity_metric": "fidelity",
        "rows": rows,
        "noise": {"exact_match": {"floor": 0.012, "by_language": {"en": 0.012}, "changed": 0.1}},
        "selectivity": {"specific": {"diagonal_share": NAN, "languages": {"zh": harm}}},
        "settings": {"level": 0.95, "seed": 0, "resamples": 10_000, "tested": 4},
        "notes": ("A note.",),
    }
    return Table(**{**fields, **change})


TEXT = """\
org/model_7b: demo_summ

condition          en          zh    average  fidelity  scored
-----------  --------  ----------  ---------  --------  ------
original        90.0        80.0       85.0     100.0    100.0
              [70,98]
random zh       89.6        80.0       84.8      99.0    100.0
  5 draws        ±0.4        ±0.0
specific zh     88.0         4.0*      46.0+        -      0.0
         [-10.0,-0.0]  [-89,-61]  [-45,-30]
"""


def test_text():
    shown = render(table(), "terminal")
    squeezed = [re.sub(r" +", " ", line).strip() for line in shown.splitlines()]
    for line in TEXT.splitlines():
        if not line.startswith("---"):
            assert re.sub(r" +", " ", line).strip() in squeezed
    assert "*: more harmful (+: less) than one more random set of the same size would be" in shown
    assert "Noise floor of exact_match: 0.012." in squeezed
    assert "specific zh +76.0 +75.6 [+60,+91] 0.17 (5) +2.0 +74.0 0.96" in squeezed
    assert "rank p: (1 + random sets at least as harmful) / (K + 1)" in " ".join(squeezed)
    assert "A note." in shown
    assert "seed 0" in shown


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_text_keeps_to_the_width(width):
    main, rest = render(table(), "terminal", width=width).split("\n\n", 2)[2].rsplit("condition    target", 1)
    assert max(map(len, main.splitlines())) <= width
    assert rest
    shown = render(table(), "terminal", width=width)
    for column in ("en", "zh", "average", "fidelity", "scored"):
        assert re.search(rf"^condition.* {column}\b", shown, re.MULTILINE)


def test_markdown():
    whole = render(table(), "markdown").splitlines()
    assert whole[0] == r"**org/model\_7b: demo\_summ**"
    assert whole[2].startswith("Is this set of neurons really")
    assert whole[4].startswith("- specific: yes for zh")
    lines = whole[4:]
    assert lines[2] == "| condition | en | zh | average | fidelity | scored |"
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: | ---: |"
    assert lines[6].startswith(r"| specific zh | 88.0 \[-10.0,-0.0\] | 4.0\* \[-89,-61\] |")
    widths = {line.count(" | ") for line in lines[2:7]}
    assert widths == {5}


def test_csv_has_every_number():
    rows = list(csv.DictReader(io.StringIO(render(table(), "csv"))))
    assert len(rows) == 12
    one = next(r for r in rows if (r["condition"], r["column"]) == ("specific", "zh"))
    assert (one["value"], one["low"], one["high"], one["difference"]) == ("0.04", "-0.89", "-0.61", "-0.76")
    assert (one["mark"], one["corrected_p"], one["against_random"]) == ("*", "0.001", "")
    judged = next(r for r in rows if (r["condition"], r["column"]) == ("specific", "fidelity"))
    assert (judged["value"], judged["coverage"], judged["metric"]) == ("", "0", "fidelity")
    assert "no document" in judged["reason"]
    assert next(r for r in rows if r["condition"] == "random")["seeds"] == "0+1+2+3+4"


def test_json_is_strict():
    content = json.loads(render(table(), "json"), parse_constant=pytest.fail)
    assert content["schema"] == "1.0"
    assert content["rows"][2]["cells"]["zh"]["interval"] == [-0.89, -0.61]
    assert content["rows"][2]["cells"]["fidelity"]["value"] is None
    assert content["rows"][2]["cells"]["fidelity"]["interval"] is None
    assert render(Table.from_json(content), "json") == render(table(), "json")
    assert render(Table.from_json(content), "terminal") == render(table(), "terminal")


def test_latex():
    lines = render(table(), "latex").splitlines()
    assert lines[4] == r"\begin{tabular}{lrrrrr}"
    assert r"specific zh & 88.0 & 4.0\rlap{$^{*}$} & 46.0\rlap{$^{+}$} & - & 0.0 \\" in lines
    assert (
        r" & {\scriptsize {[}$-$10.0,$-$0.0]} & {\scriptsize {[}$-$89,$-$61]} & {\scriptsize {[}$-$45,$-$30]} &  &  \\"
        in lines
    )
    body = "\n".join(lines)
    assert body.count("{") == body.count("}")
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert rule in lines
    cells = [line.count("&") for line in lines if line.endswith(r"\\")]
    assert set(cells) == {5}


def test_the_ends_of_intervals_say_on_which_side_of_zero_they_are():
    def shown(low, high):
        return Style(table()).ends((low, high))

    assert shown(-0.0026, 0.0025) == "[-0.3,+0.2]"
    assert shown(0.001, 0.004) == "[+0.1,+0.4]"
    assert shown(-0.0002, 0.3) == "[-0.0,+30.0]"
    assert shown(-1.0, -0.78) == "[-100,-78]"
    assert shown(-0.1027, 0.1027) == "[-10,+10]"


def test_the_share_of_harm_is_not_told_of_noise():
    def shares(interval):
        row = TableRow("specific", "zh", False, (), {"zh": cell(0.5, difference=-0.001, interval=interval)})
        found = {"specific": {"diagonal_share": 0.9, "languages": {"zh": {}, "en": {}}}}
        return [line for line in describe(table(rows=(row,), selectivity=found)) if "Share of all harm" in line]

    assert shares((-0.03, 0.02)) == [] and shares((math.nan, math.nan)) == []
    assert shares((-0.03, -0.01)) == ["Share of all harm that is in the ablated language itself: specific 90.0 %."]


def test_perplexities_are_not_percent():
    assert " 0.880" in render(table(percent=False), "terminal")
    assert "[-0.100,-0.000]" in render(table(percent=False), "terminal")
    large = TableRow("original", None, False, (), {"en": cell(1234.5), "zh": cell(1.0), "average": cell(2.0)})
    assert " 1234.5" in render(table(percent=False, rows=(large,), fidelity_metric=None), "terminal")


def test_without_fidelity_there_is_no_such_column():
    for form in ("terminal", "markdown", "csv", "latex"):
        assert "fidelity" not in render(table(fidelity_metric=None), form)


def test_nothing_marked_is_said():
    assert "No place differs" in render(table(rows=table().rows[:2]), "terminal")
    assert "prediction" not in render(table(settings={"seed": 0}, selectivity={}), "terminal")


HOSTILE = '=cmd|"/C calc"!A1 <script>alert(1)</script> \\input{/etc/passwd} | a_b *c* `d`\nnew & 100% $x$ #1 ~^'


def test_hostile_names_are_harmless():
    bad = table(model=HOSTILE)
    markdown = render(bad, "markdown")
    assert "<script>" not in markdown
    assert "\nnew" not in markdown
    latex = render(bad, "latex")
    assert r"\input" not in latex
    assert r"\textbackslash{}input\{" in latex
    assert re.search(r"(?<!\\)[&%$#_]", latex.split(r"\caption{")[1]) is None
    row = next(csv.DictReader(io.StringIO(render(bad, "csv"))))
    assert row["model"] == "'" + HOSTILE
    assert json.loads(render(bad, "json"))["model"] == HOSTILE


def test_unknown_format():
    with pytest.raises(DataError, match="terminal, markdown, csv, json, latex"):
        render(table(), "docx")
    assert set(FORMATS) == {"terminal", "markdown", "csv", "json", "latex"}
