"""The page in a real headless Chromium, from file://, by mouse and by keyboard.

Needs the Python package ``playwright`` and any Chromium: Debian's ``chromium``, Chrome, or Playwright's own.
"""

import os
import shutil
from pathlib import Path

import pytest

from lnbench.reporting.leaderboard import build
from lnbench.reporting.page._draw import _STRONG
from tests.leaderboard.conftest import HOSTILE, RTL, Writer

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("LNBENCH_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with playwright.sync_playwright() as driver:
        try:
            found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"needs a Chromium: {str(error).splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two models: one writes a script and its lines, one right-to-left text."""
    folder = tmp_path_factory.mktemp("site")
    Writer(folder / "results", "org/script").experiment(text=f"{HOSTILE}\n<b>bold</b>")
    Writer(folder / "results" / "more", "org/rtl").experiment(text=RTL)
    build([folder / "results"], folder / "out")
    return (folder / "out" / "index.html").as_uri()


@pytest.fixture
def opened(browser, site):
    """Opens the page; fails at the end if anything was blocked, logged or asked for."""
    contexts, troubles = [], []

    def opened(**options):
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: None if asked.url.startswith("file:") else troubles.append(asked.url))
        page.goto(site)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def page(opened):
    return opened()


def column(page, name, table=0):
    """The values of a column from top to bottom."""
    cells = page.locator("table.sortable").nth(table).locator(f'td[data-column="{name}"]').all()
    return [float(cell.get_attribute("data-sort")) for cell in cells]


def rows(page):
    """The visible rows of all tables."""
    return page.locator(".table-section:visible table.sortable tbody tr:visible")


def head(page, name):
    return page.locator(f'#table-1 th[data-column="{name}"]').first


def test_sorting_up_down_and_back(page):
    built = column(page, "zh")
    button = head(page, "zh").locator("button")
    button.click()
    assert column(page, "zh") == sorted(built) != built
    assert head(page, "zh").get_attribute("aria-sort") == "ascending"
    button.click()
    assert column(page, "zh") == sorted(built, reverse=True)
    assert head(page, "zh").get_attribute("aria-sort") == "descending"
    head(page, "en").locator("button").click()
    assert head(page, "zh").get_attribute("aria-sort") is None
    button.click(click_count=1)
    button.click()
    button.click()
    assert column(page, "zh") == built
    assert head(page, "zh").get_attribute("aria-sort") is None


def test_sorting_by_keyboard(page):
    button = head(page, "zh").locator("button")
    button.focus()
    outline = button.evaluate("element => getComputedStyle(element).outlineStyle")
    page.keyboard.press("Enter")
    assert column(page, "zh") == sorted(column(page, "zh"))
    page.keyboard.press("Space")
    assert head(page, "zh").get_attribute("aria-sort") == "descending"
    assert outline == "solid"


def test_the_comparison_with_random_sets_opens(page):
    part = page.locator("details", has_text="Against random sets").first
    assert not part.locator("table").is_visible()
    part.locator("summary").press("Enter")
    first = part.locator("tbody tr").first.inner_text().split("\t")
    assert (first[0], first[1], first[6]) == ("specific en", "en", "4")
    assert first[2] == "+91.7*"


def test_filters(page):
    assert rows(page).count() == 10
    page.locator("[data-filter=model]").select_option("org/rtl")
    assert page.locator(".table-section:visible").count() == 1
    assert rows(page).count() == 5
    page.get_by_label("Condition").select_option("specific")
    assert rows(page).count() == 2
    page.get_by_label("Ablated language").first.select_option("zh")
    assert rows(page).count() == 1
    page.get_by_label("Evaluated language").select_option("zh")
    heads = page.locator(".table-section:visible thead").first.locator("th:visible").all_inner_texts()
    assert heads == ["condition", "zh", "average", "fidelity", "scored"]
    assert page.locator("#count").inner_text() == "1 of 10 rows"
    page.get_by_role("button", name="Show all").click()
    assert rows(page).count() == 10
    page.get_by_label("Ablated language").first.select_option("en")
    assert rows(page).count() == 6  # the original stays, to compare with
    page.get_by_label("Task").first.select_option("toy")
    assert rows(page).count() == 6
    assert page.locator("#none").is_hidden()
    page.get_by_label("Condition").select_option("original")
    assert rows(page).count() == page.locator(".table-section:visible").count() == 0
    assert page.locator("#none").is_visible()


def test_the_page_works_by_keyboard_alone(opened):
    page = opened(viewport={"width": 420, "height": 900})
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    seen = set()
    where = "[document.activeElement].map((one) => one.id || one.dataset.filter || one.tagName)[0]"
    for _ in range(120):
        page.keyboard.press("Tab")
        seen.add(page.evaluate(where))
    assert {"model", "task", "language", "condition", "ablated"} <= seen
    assert {"sample-model", "sample-task", "sample-ablated", "sample-next"} <= seen
    assert {"BUTTON", "SUMMARY", "DIV"} <= seen  # DIV: a wide table is scrolled by keys


def test_the_sample_viewer_shows_conditions_side_by_side(page):
    titles = page.locator("#sample-outputs h3").all_inner_texts()
    assert titles == ["original", "random en draw 0", "specific en"]
    assert page.locator("#sample-at").inner_text() == "document 1 of 3"
    assert page.locator("#sample-previous").get_attribute("aria-disabled") == "true"
    page.locator("#sample-next").click()
    page.locator("#sample-next").focus()
    page.keyboard.press("Enter")
    assert page.locator("#sample-at").inner_text() == "document 3 of 3"
    assert page.locator("#sample-next").get_attribute("aria-disabled") == "true"
    assert page.evaluate("document.activeElement.id") == "sample-next"  # who steps by keyboard keeps the place
    page.keyboard.press("Enter")
    assert page.locator("#sample-at").inner_text() == "document 3 of 3"
    page.locator("#sample-task").select_option("lnbench_toy_zh")
    assert page.locator("#sample-outputs h3").all_inner_texts() == ["original", "random zh draw 0", "specific zh"]
    page.locator("#sample-ablated").select_option("en")
    assert page.locator("#sample-outputs h3").all_inner_texts() == ["original", "random en draw 0", "specific en"]


def test_found_languages_are_told_by_sign_and_colour(page):
    page.locator("#sample-model").select_option(label="org/rtl (org-rtl)")
    tags = page.locator("#sample-outputs .tag")
    assert tags.all_inner_texts() == ["en ✓", "en ✓", "fr ✗"]
    assert page.locator("#sample-key li").all_inner_texts() == ["en ✓ English (expected)", "fr ✗ French"]
    edges = [tag.evaluate("element => getComputedStyle(element).borderTopColor") for tag in tags.all()]
    assert edges[0] != edges[2]


def test_a_script_in_an_output_is_text(page):
    page.locator("#sample-model").select_option(label="org/script (org-script)")
    pane = page.locator("#sample-outputs .pane").nth(2)
    assert HOSTILE in pane.inner_text()
    assert "<b>bold</b>" in pane.inner_text()
    assert page.locator("#sample-outputs script, #sample-outputs b").count() == 0
    assert page.locator("script").count() == 2


def test_right_to_left_text_runs_from_the_right(page):
    page.locator("#sample-model").select_option(label="org/rtl (org-rtl)")
    text = page.locator("#sample-outputs .pane").nth(2).locator("p").last
    assert text.inner_text() == RTL
    assert text.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert page.locator("#sample-outputs h3").first.evaluate("e => getComputedStyle(e).direction") == "ltr"


@pytest.mark.parametrize("width", [320, 390, 640, 768])  # 640: 1280 at 200 %
def test_a_narrow_screen_scrolls_tables_not_the_page(opened, width):
    page = opened(viewport={"width": width, "height": 800})
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    names = "document.querySelectorAll('.model bdi, h2 bdi, h3 bdi, option')"
    page.evaluate(f"for (const one of {names}) one.textContent = 'a-very-long-name/'.repeat(12)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for svg in page.locator("figure svg").all():
        box = svg.bounding_box()
        assert box["x"] + box["width"] <= width
    buttons = page.locator(".filters button:visible, select:visible")
    assert all(one.bounding_box()["height"] >= 36 for one in buttons.all())


#: A function that lists every text that is shown, with its contrast to what is painted below it.
CONTRASTS = Path(__file__).with_name("contrasts.js").read_text(encoding="utf-8")
COLOURS = [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"color_scheme": "dark", "forced_colors": "active"}]


@pytest.mark.parametrize("scheme", COLOURS, ids=["light", "dark", "forced"])
def test_every_text_has_enough_contrast(opened, scheme):
    page = opened(**scheme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 200
    assert [(round(contrast, 2), text) for contrast, text in found if contrast < 4.5] == []


def luminance(colour):
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_are_legible_on_every_shade_of_the_heat_map(opened, scheme):
    page = opened(color_scheme=scheme)
    names = ("ground", "loss", "gain", "on-loss", "on-gain", "heat-ink")
    told = page.evaluate("names => names.map(n => getComputedStyle(document.body).getPropertyValue('--' + n))", names)
    codes = dict(zip(names, map(str.strip, told), strict=True))
    colour = {name: [int(code[at : at + 2], 16) for at in (1, 3, 5)] for name, code in codes.items()}
    assert (luminance(colour["ground"]) > 0.5) == (scheme == "light")
    for side in ("loss", "gain"):
        assert contrast(colour[side], colour["ground"]) >= 3
        for strength in (at / 100 for at in range(101)):
            pairs = zip(colour[side], colour["ground"], strict=True)
            shade = [strength * top + (1 - strength) * under for top, under in pairs]
            ink = colour[f"on-{side}"] if strength > _STRONG[side] else colour["heat-ink"]
            assert contrast(ink, shade) >= 4.5, (side, strength)


def test_the_summary_answers_in_words_with_figures(page):
    part = page.locator("#answer")
    assert "Is this set of neurons really what the model uses for its language?" in part.inner_text()
    assert "org/rtl: yes for every ablated language on toy (2 of 2, against 4 random sets)." in part.inner_text()
    cells = part.locator("tbody tr").first.locator("th, td").all_inner_texts()
    assert cells == ["toy", "specific", "✓ 2 of 2", "−100.0 points", "−8.3 points", "+0.0 points", "100.0 %"]
    part.locator("tbody a").first.click()
    assert page.locator("#table-1").bounding_box()["y"] < 100


def test_the_head_of_a_table_stays_in_sight(opened):
    page = opened(viewport={"width": 1100, "height": 260})
    table = page.locator("#table-1 table.sortable")
    table.locator("tbody tr").nth(2).evaluate("row => row.scrollIntoView({block: 'start', behavior: 'instant'})")
    assert abs(table.locator("thead th").nth(1).bounding_box()["y"]) <= 1
    narrow = opened(viewport={"width": 320, "height": 260})
    place = narrow.locator("#table-1 .scroll:has(.sortable)")
    assert place.get_attribute("tabindex") == "0"
    place.evaluate("element => element.scrollTo(90, 120)")
    (outer, head, first) = (one.bounding_box() for one in (
        place, place.locator("thead th").nth(1), place.locator("tbody tr").nth(4).locator("th"),
    ))  # fmt: skip
    assert abs(head["y"] - outer["y"]) <= 1
    assert abs(first["x"] - outer["x"]) <= 1


def test_paper_shows_everything_in_black_on_white(opened):
    page = opened(color_scheme="dark")
    assert not page.locator("details li").first.is_visible()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details table").first.is_visible()
    assert page.locator("form.filters").is_hidden()
    colours = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert all(ratio >= 4.5 for ratio, _ in page.evaluate(CONTRASTS))
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert not page.locator("details li").first.is_visible()


def test_without_scripts_the_tables_are_there(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site)
    assert rows(page).count() == 10
    assert page.locator("form.filters").is_hidden()
    assert page.locator("noscript").is_visible()
    assert page.locator(".viewer").is_hidden()
    context.close()


def test_an_injected_script_is_refused_by_the_policy(browser, site):
    """The policy is the second wall: even markup that got through could run nothing."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(site)
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.reached = true';
          document.body.append(script);
          document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.reached = true">');
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.reached") is None
    context.close()
