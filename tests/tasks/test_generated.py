"""The task files: generated, committed, listed by lm-eval under their names, and each what the sheet of tasks says."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("lm_eval")
from lm_eval.tasks import TaskManager

from lnbench._data import packaged
from lnbench.harness.task_data import cut_for
from lnbench.harness.task_data._documents import FORMS as ASKED
from lnbench.languages import DEMO_LANGUAGES, LANGUAGES, languages_of
from lnbench.scoring import METRICS
from scripts import make_tasks

#: Form of task -> where its languages are in the language table.
FORMS = {
    "mgsm": "mgsm",
    "mgsm_direct": "mgsm",
    "xquad": "xquad",
    "xcsqa": "xcsqa",
    "xcsqa_letters": "xcsqa",
    "xlsum": "xlsum",
    "open": "confusion",
    "ppl": None,
    "packed": None,
}
COUNTS = {"mgsm": 11, "xquad": 12, "xcsqa": 16, "xlsum": 45, "open": 15}
TAGGED = ("mgsm", "xquad", "xcsqa", "xlsum")
DEMO_KINDS = ("summ", "mc", "qa", "arith")
GENERATED = ("mgsm", "mgsm_direct", "xquad", "xlsum", "open")


def languages(form):
    return languages_of(FORMS[form]) if FORMS[form] else tuple(LANGUAGES.values())


NAMES = {f"lnbench_{form}_{row.slug}": (form, row) for form in FORMS for row in languages(form)}
DEMO = {f"lnbench_demo_{kind}_{lang}" for kind in (*DEMO_KINDS, "ppl", "packed") for lang in DEMO_LANGUAGES}
GROUPS = {f"lnbench_{form}" for form in FORMS} | {
    *("lnbench_demo", "lnbench_demo_ppl", "lnbench_demo_packed"),
    *(f"lnbench_demo_{kind}" for kind in DEMO_KINDS),
}
TAGS = {f"lnbench_{row.slug}" for form in TAGGED for row in languages(form)} | {
    f"lnbench_demo_{lang}" for lang in DEMO_LANGUAGES
}


class Letters:
    """A tokenizer of one token a character; the texts here are short, so blocks are, too."""

    is_fast, eos_token_id, name_or_path = True, 0, "letters"

    def __call__(self, texts, **settings):
        one = isinstance(texts, str)
        ids = [[ord(letter) for letter in text] for text in ([texts] if one else texts)]
        offsets = [[(at, at + 1) for at in range(len(some))] for some in ids]
        return {"input_ids": ids[0] if one else ids, "offset_mapping": offsets[0] if one else offsets}

    def __len__(self):
        return 0x110000

    def decode(self, ids):
        return "".join(map(chr, ids))


class Cutter:
    """What packed text asks of a model."""

    tokenizer, max_length = Letters(), 16


@pytest.fixture(scope="module")
def cutter():
    return Cutter()


@pytest.fixture(scope="module")
def manager(published, cutter):
    cut_for(cutter)
    return TaskManager(
        include_path=str(packaged("tasks")), include_defaults=False, metadata={"data_dir": str(published)}
    )


@pytest.fixture(scope="module")
def tasks(manager):
    return manager.load(list(NAMES))["tasks"]


def test_generated_files_are_the_committed_ones():
    assert make_tasks.stale() == []


def test_check_sees_a_changed_a_missing_and_a_left_over_file(tmp_path):
    make_tasks.write(tmp_path)
    assert make_tasks.stale(tmp_path) == []
    changed, missing = sorted(make_tasks.files())[:2]
    (tmp_path / changed).write_text("task: other\n")
    (tmp_path / missing).unlink()
    (tmp_path / "demo" / "old.yaml").write_text("task: old\n")
    assert make_tasks.stale(tmp_path) == sorted([changed, missing, "demo/old.yaml"])
    make_tasks.write(tmp_path)
    assert make_tasks.stale(tmp_path) == []


def test_the_check_is_a_command():
    found = subprocess.run([sys.executable, "-m", "scripts.make_tasks", "--check"], cwd=make_tasks.ROOT.parent)
    assert found.returncode == 0


def test_every_name_is_listed_as_what_it_is(manager):
    assert set(manager.all_subtasks) == set(NAMES) | DEMO
    assert set(manager.all_groups) == GROUPS
    assert set(manager.all_tags) == TAGS


def test_names_do_not_collide():
    assert len(set(NAMES) | DEMO | GROUPS | TAGS) == len(NAMES) + len(DEMO) + len(GROUPS) + len(TAGS)


@pytest.mark.parametrize("form", COUNTS)
def test_every_language_of_a_data_set_has_a_task(form):
    assert sum(one == form for one, _ in NAMES.values()) == COUNTS[form]


def test_a_tag_is_the_default_form_of_what_the_hub_has(manager):
    assert set(manager.load(["lnbench_zh"])["tasks"]) == {f"lnbench_{form}_zh" for form in TAGGED}
    assert set(manager.load(["lnbench_th"])["tasks"]) == {f"lnbench_{form}_th" for form in ("mgsm", "xquad", "xlsum")}


def test_a_group_is_its_form_in_every_language_and_averages_metrics_that_it_has(manager):
    for form in FORMS:
        loaded = manager.load([f"lnbench_{form}"])
        assert list(loaded["tasks"]) == [f"lnbench_{form}_{row.slug}" for row in languages(form)]
        averaged = [one.metric for one in loaded["groups"][f"lnbench_{form}"].aggregate_metric_list]
        metrics = {one["metric"] for one in next(iter(loaded["tasks"].values())).config.metric_list}
        assert averaged and set(averaged) <= metrics - {"fidelity_found"}


def test_metrics_are_those_that_the_scorer_gives(tasks):
    of_text = {"ppl": ("bits_per_byte", "byte_perplexity"), "packed": ("nats_per_token", "bits_per_byte")}
    for name, (form, _) in NAMES.items():
        metrics = tuple(one["metric"] for one in tasks[name].config.metric_list)
        assert metrics == (of_text.get(form) or METRICS[ASKED[form].kind])


def test_documents_say_what_they_are(tasks):
    for name, (form, row) in NAMES.items():
        for document in tasks[name].eval_docs:
            assert document["lang"] == row.code
            assert document["id"]
            if form in GENERATED:
                assert document["kind"] == form
                assert isinstance(document["prompt"], str) and isinstance(document["target"], str)


def test_generation_is_greedy_bounded_and_ends_at_the_next_question(tasks):
    for name, (form, row) in NAMES.items():
        if form not in GENERATED:
            continue
        settings = tasks[name].config.generation_kwargs
        assert row.question.strip() in settings["until"]
        assert all(end and "None" not in end for end in settings["until"])
        assert settings["do_sample"] is False
        assert 0 < settings["max_gen_toks"] <= 512
        assert ("\n" in settings["until"]) is (form in ("mgsm_direct", "xquad"))


def test_prompts_end_with_a_label_and_hold_no_english_frame(tasks):
    english = LANGUAGES["en"]
    frame = [english.question, english.answer, english.context, english.text, english.summary, english.steps]
    for name, (form, row) in NAMES.items():
        if form in ("ppl", "packed"):
            continue
        prompt = tasks[name].eval_docs[0]["prompt"]
        last = {"mgsm": row.steps, "xlsum": row.summary}.get(form, row.answer)
        assert prompt.endswith(f"\n{last}")
        own = {row.question, row.answer, row.context, row.text, row.summary}
        assert row.code == "en" or not any(label in prompt for label in frame if label not in own), name


def test_targets_begin_with_what_the_language_writes_after_a_label(tasks):
    for name, (form, row) in NAMES.items():
        if form in ("ppl", "packed", "open"):
            continue
        document = tasks[name].eval_docs[0]
        texts = [document["target"], *(document.get("choices") or [])]
        assert all(text.startswith(row.gap) and text.strip() == text[len(row.gap) :] for text in texts)


def test_task_files_are_json_where_a_value_could_mean_something_else():
    """``no`` is false in YAML; a language is always quoted."""
    for name, content in make_tasks.files().items():
        if "lnbench_lang" in content:
            code = content.split("lnbench_lang: ")[1].split(",")[0].split("}")[0]
            assert json.loads(code) in LANGUAGES, name
