"""`lnbench doctor`: what it finds, what it says to do, and its exit code."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lnbench import doctor
from lnbench.cli import app
from lnbench.doctor import _hub, _machine, _places, _plugin, _versions
from lnbench.doctor._report import Part, as_json, as_text, verdict

RIGHT = {"hook": True, "registered": True, "entry_point": True, "reads_entry_points": False}


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """A machine on which nothing is set, and a fresh interpreter that says what it should."""
    names = (
        "LNBENCH_AUTOLOAD",
        "LNBENCH_DATA",
        "LNBENCH_NEURON_SETS",
        "LNBENCH_CACHE",
        "LNBENCH_LID",
        "LNBENCH_SEGMENT",
    )
    for name in (*names, "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_plugin, "_asked", lambda: dict(RIGHT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sentences(part, *, needed=None):
    return [problem.sentence for problem in part.problems if needed in (None, problem.needed)]


def test_all_parts_are_there_and_the_exit_code_is_0(monkeypatch):
    done = CliRunner().invoke(app, ["doctor", "--json"], prog_name="lnbench")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["fine"] is True
    assert list(report["parts"]) == [
        "Versions", "Optional packages", "Devices", "Threads", "lm-eval plug-in", "What comes with lnbench",
        "Neuron sets", "Task data", "Caches and stores", "Hugging Face hub",
    ]  # fmt: skip
    assert report["parts"]["Versions"]["transformers"] == metadata.version("transformers")
    assert report["parts"]["lm-eval plug-in"]["registered"] == "yes"
    assert "zh_ffn.pt" in report["parts"]["Neuron sets"]["shipped"]
    text = CliRunner().invoke(app, ["doctor"], prog_name="lnbench").stdout
    assert all(f"\n{title}\n" in f"\n{text}" for title in report["parts"])
    assert text.endswith("Everything that the main job needs is here; try `lnbench demo`.\n")


def test_a_missing_package_is_a_problem_with_its_remedy(monkeypatch):
    found = metadata.version
    monkeypatch.setattr(
        _versions.metadata, "version", lambda name: _absent(name) if name == "sacrebleu" else found(name)
    )
    assert sentences(doctor.versions(), needed=True) == [
        "sacrebleu is not installed; run `pip install 'sacrebleu>=2.4'`"
    ]


def _absent(name):
    raise metadata.PackageNotFoundError(name)


@pytest.mark.parametrize(("name", "version"), [("transformers", "4.30.0"), ("lm_eval", "0.4.2")])
def test_a_version_out_of_range_is_a_problem(monkeypatch, name, version):
    found = metadata.version
    monkeypatch.setattr(
        _versions.metadata, "version", lambda other: version if other.replace("-", "_") == name else found(other)
    )
    (sentence,) = sentences(doctor.versions(), needed=True)
    assert (
        f" {version} is not " in sentence and "pip install" in sentence and sentence[2:5] == name.replace("_", "-")[2:5]
    )


def test_a_pin_of_another_package_on_torch_is_a_note(monkeypatch):
    wants = metadata.requires
    monkeypatch.setattr(_versions.metadata, "requires", lambda name: ["torch==1.0"] if name == "vllm" else wants(name))
    part = doctor.versions()
    assert "an environment of its own" in sentences(part, needed=False)[0]
    assert not sentences(part, needed=True)


@pytest.mark.parametrize("name", ["LNBENCH_LID", "LNBENCH_SEGMENT"])
def test_a_back_end_that_does_not_exist_is_a_problem(monkeypatch, name):
    monkeypatch.setenv(name, "wrod")
    (sentence,) = sentences(doctor.versions(), needed=True)
    assert sentence.startswith(f"{name}: unknown") and "'wrod'" in sentence


def test_without_a_requirement_list_nothing_is_said(monkeypatch):
    monkeypatch.setattr(_versions.metadata, "requires", _absent)
    assert not sentences(doctor.versions())


def test_extras_say_what_they_are_for():
    assert set(doctor.extras().facts) == set(_versions.EXTRAS)
    assert doctor.extras().facts["ray"].endswith("(--executor ray)")


@pytest.mark.parametrize(
    ("found", "switch", "registered", "needed"),
    [
        (RIGHT, None, "yes", False),
        (RIGHT | {"hook": False, "registered": False}, None, "no", True),
        (RIGHT | {"hook": False, "registered": False}, "0", "no", False),
        (RIGHT | {"hook": False, "registered": False, "reads_entry_points": True}, None, "yes", False),
        ("no module named lm_eval", None, "unknown", True),
    ],
)
def test_how_lm_eval_gets_to_know_lnbench(monkeypatch, found, switch, registered, needed):
    monkeypatch.setattr(_plugin, "_asked", lambda: found)
    monkeypatch.setattr(_plugin.shutil, "which", lambda _: str(Path(sys.executable).parent / "lm_eval"))
    if switch:
        monkeypatch.setenv("LNBENCH_AUTOLOAD", switch)
    part = doctor.plugin()
    assert part.facts["registered"] == registered
    assert bool(sentences(part, needed=True)) is needed
    assert bool(sentences(part)) is (registered != "yes")


def test_a_fresh_interpreter_is_really_asked(monkeypatch):
    monkeypatch.undo()
    found = _plugin._asked()
    assert isinstance(found, dict), found
    assert found["registered"] is True
    monkeypatch.setattr(_plugin, "_PROBE", "raise SystemExit('gone')")
    assert _plugin._asked() == "gone"


@pytest.mark.parametrize(
    ("where", "says"), [(None, "no lm_eval on the PATH"), ("/other/bin/lm_eval", "of another environment")]
)
def test_an_lm_eval_of_another_environment_is_a_note(monkeypatch, where, says):
    monkeypatch.setattr(_plugin.shutil, "which", lambda _: where)
    (sentence,) = sentences(doctor.plugin(), needed=False)
    assert says in sentence and str(Path(sys.executable).parent / "lm_eval") in sentence


def test_more_threads_than_cores_are_a_note(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(_machine, "cores", lambda: 2.0)
    assert sentences(doctor.threads(), needed=False)[0].endswith("set OMP_NUM_THREADS=2")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not sentences(doctor.threads())


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 1.5), ("max 100000", 4.0), ("nonsense", 4.0)])
def test_the_quota_of_a_container_counts(monkeypatch, tmp_path, quota, cores):
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(_machine, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(_machine.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert _machine.cores() == cores


def test_a_build_for_cuda_that_sees_no_gpu_is_a_note(monkeypatch):
    import torch

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (sentence,) = sentences(doctor.devices(), needed=False)
    assert "CUDA_VISIBLE_DEVICES" in sentence


def test_an_installation_without_the_embedded_model_cannot_work(monkeypatch, tmp_path):
    monkeypatch.setattr(_places, "demo_model_dir", lambda: tmp_path)
    found = sentences(doctor.embedded(), needed=True)
    assert [sentence.split()[4] for sentence in found] == ["config.json;", "model.safetensors;", "tokenizer.json;"]


@pytest.mark.parametrize(
    ("name", "part"), [("LNBENCH_NEURON_SETS", doctor.neuron_sets), ("LNBENCH_DATA", doctor.task_data)]
)
def test_a_folder_that_is_not_there_is_a_note(monkeypatch, tmp_path, name, part):
    monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    (sentence,) = sentences(part(), needed=False)
    assert sentence.startswith(f"{name} names {str(tmp_path / 'nowhere')!r}, which is no folder;")
    monkeypatch.setenv(name, str(tmp_path))
    assert not sentences(part())


def test_the_data_sets_of_a_folder_are_named(monkeypatch, tmp_path):
    for name in ("mgsm", "xquad", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("LNBENCH_DATA", str(tmp_path))
    assert doctor.task_data().facts["folders of"] == "mgsm, xquad"


def test_sizes_of_what_grows(monkeypatch, tmp_path):
    (tmp_path / "results" / "a").mkdir(parents=True)
    (tmp_path / "results" / "a" / "cell.json").write_bytes(b"x" * 2_500_000)
    monkeypatch.setenv("LNBENCH_CACHE", str(tmp_path / "cache"))
    facts = doctor.caches().facts
    assert facts["stores here"] == f"2.5 MB in 1 file ({tmp_path / 'results'})"
    assert facts["exports for vLLM"] == f"nothing yet ({tmp_path / 'cache' / 'exports'})"
    (tmp_path / "cache").write_text("a file in the way")
    assert "LNBENCH_CACHE" in sentences(doctor.caches(), needed=False)[0]


def test_the_hub_is_asked_only_where_that_is_wished(monkeypatch):
    monkeypatch.setattr(_hub.urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked"))
    assert doctor.hub(network=False).facts["reachable"].startswith("not asked")


def test_a_hub_that_does_not_answer_is_one_sentence(monkeypatch):
    def refuse(*_, **__):
        raise _hub.urllib.error.URLError("no route")

    monkeypatch.setattr(_hub.urllib.request, "urlopen", refuse)
    part = doctor.hub(network=True)
    assert part.facts["reachable"] == "no"
    (sentence,) = sentences(part, needed=False)
    assert "does not answer (no route)" in sentence and "HF_ENDPOINT" in sentence and "\n" not in sentence


def test_a_hub_that_answers(hub_server):
    assert doctor.hub(network=True).facts["reachable"].startswith("yes")


def test_an_address_that_is_none_is_not_opened(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "file:///etc/passwd")
    assert "no address" in sentences(doctor.hub(network=True))[0]


def test_needed_problems_decide_the_exit_code(monkeypatch):
    monkeypatch.setattr(_plugin, "_asked", lambda: "no module named lm_eval")
    done = CliRunner().invoke(app, ["doctor"], prog_name="lnbench")
    assert done.exit_code == 1
    assert "PROBLEM: lm-eval cannot be imported (no module named lm_eval)" in done.stdout
    assert done.stdout.endswith("1 problem keeps lnbench from its main job.\n")


def test_the_report_of_no_part_at_all():
    part = Part("Here", {"a": "1", "long": "2"})
    part.wrong("something is off; do that")
    assert as_text([part]).startswith("Here\n  a     1\n  long  2\n\nnote: something is off; do that\n")
    assert as_json([part])["problems"] == [{"part": "Here", "problem": "something is off; do that", "needed": False}]
    assert verdict([]).startswith("Everything")
