"""A command line that is wrong is one sentence: what is wrong, the value, and the help page that says what is right."""

import pytest
from typer.testing import CliRunner

from lnbench.cli import app
from lnbench.errors import SpecError
from lnbench.models import Spec
from lnbench.studies._sections import MOST_SEEDS

#: Command line -> the sentence.
WRONG = {
    "--nonsense": "no such option '--nonsense'; see `lnbench --help`",
    "--version=3": "option '--version' does not take a value; see `lnbench --help`",
    "demp": "no such command 'demp'; did you mean 'demo'? see `lnbench --help`",
    "neurons shw x": "no such command 'shw'; did you mean 'show'? see `lnbench neurons --help`",
    "neurons --x": "no such option '--x'; see `lnbench neurons --help`",
    "neurons show x --jsn": "no such option '--jsn'; did you mean '--json'? see `lnbench neurons show --help`",
    "export x --dtype": "no such option '--dtype'; see `lnbench export --help`",
    "leaderboard build x": "missing option '--out'; see `lnbench leaderboard build --help`",
    "check --baseline": "option '--baseline' requires an argument; see `lnbench check --help`",
}
BUILD = "leaderboard build x --out y --samples"


def said(line: str) -> str:
    done = CliRunner().invoke(app, line.split(), prog_name="lnbench")
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize("line", WRONG)
def test_the_sentence(line):
    assert said(line) == WRONG[line]


@pytest.mark.parametrize("value", ["abc", "-3", "1.5"])
def test_a_value_of_the_wrong_kind_is_named(value):
    sentence = said(f"{BUILD} {value}")
    assert value in sentence and "--samples" in sentence
    assert sentence.endswith("see `lnbench leaderboard build --help`")


HUGE = 99_999_999_999_999_999_999_999
COUNTED = [
    "demo --seeds",
    "demo --limit",
    "lens --model lnbench/demo --documents",
    "detect lape --model m --corpus zh=x --out a.pt --max-length",
    "detect ap --model m --corpus zh=x --out a.pt --top-k",
    "paper lape --out p --model m --seeds",
    "tune --model m --mask a --corpus zh=x --out o --seeds",
    "neurons random a.pt --out b.pt --seed",
]


@pytest.mark.parametrize("line", COUNTED)
def test_a_number_that_counts_nothing_there_could_be(line):
    sentence = said(f"{line} {HUGE}")
    assert sentence.startswith(f"invalid value for '{line.split()[-1]}': {HUGE} is more than ")
    assert f"; give a smaller one; see `lnbench {line.split()[0]}" in sentence


def test_the_largest_numbers_are_those_of_studies_and_specs():
    seeds = int(said(f"demo --seeds {HUGE}").split("more than ")[1].split(";")[0])
    assert seeds == MOST_SEEDS
    seed = int(said(f"neurons random a --out b.pt --seed {HUGE}").split("more than ")[1].split(";")[0])
    assert Spec.parse("zero", control="random", seed=seed).seed == seed
    with pytest.raises(SpecError, match=f"from 0 to {seed}, not"):
        Spec.parse("zero", control="random", seed=seed + 1)


def test_a_missing_argument_is_named():
    assert said("neurons show").lower().startswith("missing argument 'file'; see `lnbench neurons show --help`")


@pytest.mark.parametrize("line", ["", "neurons", "study"])
def test_a_group_alone_still_shows_its_help(line):
    done = CliRunner().invoke(app, line.split(), prog_name="lnbench")
    assert done.output.startswith("Usage: ") and "error:" not in done.output
