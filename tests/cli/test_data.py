"""``lnbench data check``: what a folder can serve, in words and as JSON."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("lm_eval")
from typer.testing import CliRunner

from lnbench.cli.data import app
from lnbench.errors import DataError
from lnbench.harness.task_data import benchmark
from lnbench.languages import language
from scripts.make_tasks import _made_up


@pytest.fixture
def folder(tmp_path):
    for code in ("zh", "ja"):
        _made_up.mgsm(tmp_path, language(code))
    _made_up.xquad(tmp_path, language("el"))
    _made_up.xlsum(tmp_path, language("sr-Latn"))
    _made_up.prompts(tmp_path, language("ko"))
    _made_up.texts(tmp_path, language("zh-Hant"))
    return tmp_path


def check(*arguments):
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_table_has_a_line_for_each_file(folder):
    found = check(folder)
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert lines[0].split() == ["tasks", "rows", "sha256", "file"]
    (zh,) = [line for line in lines if "lnbench_mgsm_zh" in line]
    assert "lnbench_mgsm_direct_zh" in zh and "2 of 250" in zh and zh.endswith("mgsm/mgsm_zh.tsv")
    (latin,) = [line for line in lines if "lnbench_xlsum_sr_latn" in line]
    assert "  2 (full size not known)  " in latin and latin.endswith("xlsum/serbian_latin_test.jsonl")
    for task in ("lnbench_xquad_el", "lnbench_open_ko", "lnbench_ppl_zh_hant"):
        assert sum(task in line for line in lines[:-1]) == 1
    assert "mgsm: no file for bn de en es fr ru sw te th (mgsm_bn.tsv)" in lines
    assert "xcsqa: no file in any language (X-CSQA-ar/dev.jsonl)" in lines
    (own,) = [line for line in lines[:-1] if "lnbench_open_ko" in line]
    assert "(" not in own, "text of one's own is all there is"
    example = (
        "9 tasks can run, for example: lm_eval --model lnbench --model_args pretrained=MODEL --tasks lnbench_mgsm_"
    )
    assert lines[-1].startswith(example)


def test_the_checksum_is_that_of_the_results(folder):
    found = {one["tasks"][0]: one for one in json.loads(check(folder, "--json").stdout) if one["tasks"]}
    kept = {}
    benchmark(lnbench_form="mgsm", lnbench_lang="ja", data_dir=folder, lnbench_data=kept)
    one = found["lnbench_mgsm_ja"]
    assert (one["sha256"], one["rows"], one["file"]) == (kept["sha256"], kept["rows"], kept["source"])


def test_json_says_all(folder):
    found = json.loads(check(folder, "--json").stdout)
    assert len({(one["dataset"], one["language"]) for one in found}) == len(found) > 100
    assert {key for one in found for key in one} == {
        *("dataset", "language", "tasks", "expects", "file", "rows", "published", "sha256", "problem")
    }


def test_a_problem_is_one_line_and_leaves_the_rest(folder):
    (folder / "xquad" / "xquad.el.json").write_text("{")
    (folder / "xlsum" / "welsh_test.jsonl").write_text("[]\n")
    found = check(folder)
    problems = [line for line in found.stdout.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 2
    assert "xquad.el.json, line 1: not JSON" in problems[0]
    assert "welsh_test.jsonl, line 1: not a JSON object" in problems[1]
    assert "lnbench_xquad_el" not in found.stdout and "lnbench_mgsm_zh" in found.stdout
    assert found.exit_code == 0


def test_a_folder_that_serves_nothing(tmp_path):
    found = check(tmp_path)
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-1] == f"{tmp_path} serves no task of lnbench"
    assert check(tmp_path, "--json").exit_code == 1
    (tmp_path / "mgsm_zh.tsv").write_text("")
    found = check(tmp_path)
    assert found.exit_code == 1 and "problem: " in found.stdout


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match=r"'.*/nowhere' is no folder; name the folder"):
        check(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is no folder"):
        check(tmp_path / "file")


def test_the_command_refuses_in_one_sentence(tmp_path):
    command = [sys.executable, "-c", "from lnbench.cli import main; main()", "data", "check", str(tmp_path / "nowhere")]
    found = subprocess.run(command, capture_output=True, text=True, env=os.environ.copy())
    assert found.returncode == 1 and found.stdout == ""
    assert found.stderr.startswith("error: ") and found.stderr.count("\n") == 1


def test_real_data(test_data):
    found = [one for one in json.loads(check(test_data, "--json").stdout) if one["tasks"]]
    rows = {
        dataset: [one["rows"] for one in found if one["dataset"] == dataset] for dataset in ("mgsm", "xquad", "xlsum")
    }
    assert rows == {"mgsm": [250] * 11, "xquad": [1190] * 12, "xlsum": [5] * 6}
    choices = {one["language"]: one["rows"] for one in found if one["dataset"] == "xcsqa"}
    assert choices == {"en": 5, "sw": 12, "vi": 10, "zh": 10}
    assert sum(one["dataset"] == "open" for one in found) == 15
    assert all(one["problem"] is None for one in found)
