"""A page on which every text is an attack, in a real browser: nothing runs or is asked for, all is shown as given."""

import csv
import io
import json
import random
import re

import pytest

from lnbench.errors import DataError
from lnbench.reporting.leaderboard import build, make_bundle
from lnbench.reporting.leaderboard._files import as_text
from tests.leaderboard.conftest import Writer
from tests.leaderboard.test_browser import browser, playwright  # noqa: F401 - a fixture, and skipping without it

RUN = "window.reached=1;alert(1)"
#: What a model might write; each says `reached` where it can say something.
OUTPUTS = [
    f"<script>{RUN}</script>", f"</script><script>{RUN}</script>", f"<img src=x onerror='{RUN}'>",
    f"<svg onload='{RUN}'>",
    f"<svg><script>{RUN}</script></svg>", f"<svg><animate onbegin='{RUN}' attributeName=x dur=1s>",
    f"<math><mtext><script>{RUN}",
    f'<math href="javascript:{RUN}">x</math>', f'<a href="javascript:{RUN}">x</a>', f"javascript:{RUN}",
    f"<iframe srcdoc='<script>{RUN}'>",
    "<iframe src=https://example.com>", "<object data=https://example.com>", "<embed src=data:text/html,x>",
    f"<body onload={RUN}>",
    "<link rel=stylesheet href=https://example.com/a.css>", "<base href=https://example.com/>",
    "<meta http-equiv=refresh content=0>",
    "<style>*{display:none;background:url(https://example.com)}</style>",
    "<p style='background:url(https://example.com)'>x</p>",
    "</style><style>body{display:none}", "</title></textarea></noscript></template>", "<!--", "-->", "<!-- <script>",
    "<![CDATA[x]]>",
    "]]>", "{{ 7 * 7 }}", "{% raw %}{% endraw %}", "{{ self.__init__.__globals__ }}", "${7*7}", "#{7*7}",
    "<%= 7 * 7 %>", "{# x #}",
    f"<details open ontoggle={RUN}>", f"<input autofocus onfocus={RUN}>", f"<video><source onerror={RUN}>",
    f"<form action=javascript:{RUN}>",
    f"<x onpointerenter={RUN} style=position:fixed;inset:0>", "data:text/html,<script>alert(1)</script>",
    "&lt;b&gt; &amp; &#60; &nbsp;",
    '"', "'", '\\"', "\\u003cscript\\u003e", "\\", '"}],"x":[{"', "\u2028line\u2029end", "\u202eright to left\u202c",
    "\u2066a\u2069\u200f",
    "a\u200bb\u200cc\u200dd\ufeffe", "nul\0nul", "\x1b[31mred\x1b]0;title\x07", "\x7f\x85\x9b31m", "\ufffe\uffff",
    "\U000e0041\U0001f600",
    "é" * 3000, "x" * 3990, "a" + "\u0301" * 500, "=cmd|' /C calc'!A0", "@SUM(1)", "1 < 2 && 3 > 2", "__proto__",
    "constructor", "toString",
    "`x` *x* **x** [x](javascript:alert(1)) ![x](https://example.com/a.png) | x | # x",
    "\\input{/etc/passwd} $x$ \\write18{x}", "%00%3Cscript%3E",
    "<scr\0ipt>alert(1)</scr\0ipt>", "<ſcript>alert(1)</ſcript>", "＜script＞alert(1)＜/script＞",
    "+ADw-script+AD4-alert(1)", "\t\n<b>\n\n</b>\r\n",
]  # fmt: skip


def mixed(number: int) -> list[str]:
    """Pieces of these put together at random; the same in every run."""
    chance = random.Random(1)
    pieces = [
        piece for text in OUTPUTS if len(text) < 200 for piece in (text, *re.split(r"(?<=[<>\"' ])", text)) if piece
    ]
    return ["".join(chance.choices(pieces, k=chance.randint(2, 9))) for _ in range(number)]


TEXTS = [*OUTPUTS, *mixed(120)]
#: Names may hold no character that acts on a terminal or turns text around, and be markup otherwise.
NAMES = {
    "model": f"org/<img src=x onerror='{RUN}'>",
    "task": "<script>alert(1)</script>_zh",
    "dataset": '"><svg onload=alert(1)>',
    "condition": "</script><b>{{ 7 * 7 }}",
    "language": "zh'\"><i>",
    "metric": "<u>{% x %}</u>",
    "contributor": "<a href=javascript:alert(1)>me</a>",
    "note": "=1+1 <marquee>note</marquee> \\u003c",
    "method": "<style>*{display:none}</style>",
    "label": "]]></textarea><b>",
}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A bundle, as JSON, in which every name and every output is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    Writer(folder / "results", documents=2).experiment(seeds=1)
    made = json.loads(as_text(make_bundle(folder / "results", "hostile")))
    made["model"]["name"], made["contributor"], made["note"] = NAMES["model"], NAMES["contributor"], NAMES["note"]
    made["neurons"] |= {"method": NAMES["method"], "count": {NAMES["label"]: 3}, "by_layer": {NAMES["label"]: [1, 2]}}
    made["versions"] = {NAMES["label"]: NAMES["method"]}
    made["conditions"][-1] |= {"condition": NAMES["condition"], "ablated": NAMES["language"]}
    task = made["tasks"][0]
    task |= {"task": NAMES["task"], "dataset": NAMES["dataset"], "language": NAMES["language"]}
    task["metrics"] = {NAMES["metric"]: task["metrics"].pop("exact_match"), **task["metrics"]}
    made["samples"] = [sample(text) for text in TEXTS]
    return made


def sample(text: str) -> dict:
    outputs = [
        {"condition": 0, "text": text, "lines": None},
        {"condition": 1, "text": text, "lines": [None, NAMES["language"]]},
    ]
    return {"task": NAMES["task"], "prompt": text, "target": text, "outputs": outputs}


@pytest.fixture(scope="module")
def site(content, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "hostile.json").write_text(json.dumps(content))
    build([folder / "hostile.json"], folder / "out")
    return folder / "out"


READ = """async () => {
  const next = document.getElementById('sample-next'), seen = [];
  const texts = (id) => [...document.querySelectorAll(`#${id} .pane p:last-of-type`)].map((p) => p.textContent);
  for (;;) {
    seen.push([...texts('sample-document'), ...texts('sample-outputs')]);
    if (next.getAttribute('aria-disabled') === 'true' || next.disabled) return seen;
    next.click();
  }
}"""


@pytest.fixture(scope="module")
def looked(browser, site):  # noqa: F811
    """What the browser saw: troubles, and what it shows of every sample."""
    context, troubles = browser.new_context(), []
    context.add_init_script(
        "window.broken = []; "
        "document.addEventListener('securitypolicyviolation', (e) => window.broken.push(e.violatedDirective));"
    )
    page = context.new_page()
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: (troubles.append(f"dialog {dialog.message}"), dialog.dismiss()))
    address = (site / "index.html").as_uri()
    page.on("request", lambda asked: None if asked.url == address else troubles.append(asked.url))
    page.goto(address)
    found = {"texts": page.evaluate(READ)}
    for one in page.locator("summary").all():
        one.evaluate("element => { element.parentElement.open = true; }")
    page.mouse.move(300, 300)
    found["broken"], found["reached"] = page.evaluate("window.broken"), page.evaluate("window.reached")
    found["names"] = page.evaluate("document.body.textContent")
    found["options"] = page.evaluate("[...document.querySelectorAll('option')].map((one) => one.textContent)")
    found["odd"] = page.evaluate(
        """[...document.querySelectorAll('*')].filter((e) => e.getAttributeNames().some((n) => n.startsWith('on')) ||
           /^(IMG|IFRAME|OBJECT|EMBED|BASE|LINK|VIDEO|MARQUEE|MATH|X|U|IMAGE|ANIMATE)$/i.test(e.tagName) ||
           !(e.getAttribute('href') || '#').startsWith('#')).map((e) => e.outerHTML.slice(0, 99))"""
    )
    found["title"], found["url"], found["scripts"] = page.title(), page.url, page.locator("script").count()
    context.close()
    return found, troubles


def as_shown(text: str) -> str:
    return "(nothing)" if not text.strip() else re.sub(r"^[ \t]+", "", text)


def test_nothing_runs_and_nothing_is_asked_for(looked, site):
    found, troubles = looked
    assert troubles == [] and found["broken"] == [] and found["reached"] is None
    assert found["odd"] == [] and found["scripts"] == 2
    assert found["url"] == (site / "index.html").as_uri()


def test_every_output_is_shown_as_it_was_given(looked):
    shown = looked[0]["texts"]
    assert len(shown) == len(TEXTS) > 180
    for text, panes in zip(TEXTS, shown, strict=True):
        assert all(pane in (as_shown(text), *map(as_shown, re.split(r"\r\n|\r|\n", text))) for pane in panes), (
            text,
            panes,
        )
        assert (
            panes[:3] == [as_shown(text)] * 3 and len(panes) >= 4
        )  # the last output line by line, where lines are judged


def test_every_name_is_shown_as_it_was_given(looked):
    found, _ = looked
    for name in ("model", "dataset", "condition", "language", "note", "method", "label"):
        assert NAMES[name] in found["names"], name
    assert any(NAMES["model"] in option for option in found["options"])
    assert NAMES["task"] in found["options"]


FILES = {".md": "markdown", ".csv": "csv", ".tex": "latex", ".txt": "terminal"}


def table_files(site, suffix):
    return [path.read_text() for path in sorted((site / "tables").glob(f"*{suffix}"))]


def test_markdown_holds_no_markup(site):
    for text in table_files(site, ".md"):
        assert re.findall(r"<(?!br\b)", text) == []
        assert re.findall(r"(?<!\\)[\]!]\(", text) == []


def test_no_cell_of_a_csv_is_a_formula(content, tmp_path):
    formula = {**content, "samples": [], "model": {**content["model"], "name": "=cmd|' /C calc'!A0"}}
    formula["conditions"] = [{**one, "ablated": one["ablated"] and "@SUM(1)"} for one in content["conditions"]]
    (tmp_path / "hostile.json").write_text(json.dumps(formula))
    build([tmp_path / "hostile.json"], tmp_path / "out")
    rows = [row for text in table_files(tmp_path / "out", ".csv") for row in csv.reader(io.StringIO(text))]
    cells = {cell for row in rows for cell in row}
    assert "'=cmd|' /C calc'!A0" in cells and "'@SUM(1)" in cells
    assert [cell for cell in cells if re.match(r"[=@\t\r]|[+-](?![\d.])", cell) and len(cell) > 1] == []


def test_latex_has_only_its_own_commands(content, tmp_path):
    hostile = {**content, "samples": [], "model": {**content["model"], "name": "\\input{/etc/passwd}$x$%\\write18{rm}"}}
    (tmp_path / "hostile.json").write_text(json.dumps(hostile))
    build([tmp_path / "hostile.json"], tmp_path / "out")
    for text in table_files(tmp_path / "out", ".tex"):
        assert set(re.findall(r"\\(input|write|include|openin|catcode|def|csname)", text)) == set()
        assert "textbackslash{}input\\{/etc/passwd\\}\\$x\\$\\%" in text


@pytest.mark.parametrize("suffix", FILES, ids=FILES.get)
def test_no_file_holds_what_acts_on_a_terminal(site, suffix):
    texts = table_files(site, suffix)
    assert texts
    for text in texts:
        assert [char for char in text if not char.isprintable() and char != "\n"] == []


@pytest.mark.parametrize(
    "name", ["\x1b]0;x\x07", "a\u202eb", "a\0b", "a\nb", "a\u2028b", "a\u200bb", "\x9b2J"], ids=ascii
)
@pytest.mark.parametrize("where", ["model", "task", "note", "condition"])
def test_a_name_that_acts_on_a_terminal_is_refused(where, name, content, tmp_path):
    made = json.loads(json.dumps({**content, "samples": []}))
    if where == "model":
        made["model"]["name"] = name
    elif where == "note":
        made["note"] = name
    else:
        made[f"{where}s"][0][where] = name
    (tmp_path / "hostile.json").write_text(json.dumps(made))
    with pytest.raises(DataError) as refusal:
        build([tmp_path / "hostile.json"], tmp_path / "out")
    assert "which no name may hold" in str(refusal.value) and str(refusal.value).isprintable()
    assert not (tmp_path / "out").exists()
