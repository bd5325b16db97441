"""Reading results: every form they come in, and every way in which they can be wrong."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lnbench.errors import DataError
from lnbench.reporting import read_results
from lnbench.reporting.reading import Role
from lnbench.reporting.reading._names import dataset_and_language
from lnbench.scoring import score_of

from ..conftest import sample, write_cell, write_run

ACC = [sample(at, {"acc": float(at > 0)}) for at in range(3)]


def run(folder, samples=None, results=None, task="lnbench_demo_mc_zh", **more):
    more.setdefault("better", {"acc": True})
    return write_run(folder, task, ACC if samples is None else samples, results or {"acc,none": 2 / 3}, **more)


# What is read


def test_plain_output(tmp_path):
    file = run(tmp_path / "m")
    (s,) = read_results(tmp_path)
    assert (s.model, s.condition, s.ablated, s.seed) == ("m", "original", None, None)
    assert (s.task, s.dataset, s.evaluated) == ("lnbench_demo_mc_zh", "demo_mc", "zh")
    assert (s.metric, s.higher_is_better, s.value, s.source) == ("acc", True, 2 / 3, file)
    assert s.scores.tolist() == [0, 1, 1]
    first = ACC[0]
    assert (s.documents.keys[0][:2], s.documents.prompts[0]) == (
        (first["doc_hash"], first["target_hash"]),
        first["prompt_hash"],
    )


def test_output_path_that_names_a_file(tmp_path):
    file = run(tmp_path)
    file.rename(tmp_path / "mine_2026-01-02T03-04-05.678901.json")
    assert len(read_results(tmp_path)) == 1


def test_documents_are_in_the_order_of_the_dataset(tmp_path):
    run(tmp_path, samples=ACC[::-1])
    (s,) = read_results(tmp_path)
    assert s.scores.tolist() == [0, 1, 1]
    assert s.documents.positions == (0, 1, 2)


def test_unscored_text_and_standard_errors(tmp_path):
    rows = [sample(at, {"acc": v, "found": {"state": "x"}, "ok": at > 0}) for at, v in enumerate([1.0, None, 0.0])]
    values = {"acc,none": 0.5, "acc_stderr,none": 0.1, "found,none": "zh 3", "ok,none": 2 / 3, "alias": "t"}
    run(tmp_path, rows, values, better={"acc": True, "ok": None})
    by_metric = {s.metric: s for s in read_results(tmp_path)}
    assert list(by_metric) == ["acc", "ok"]
    assert math.isnan(by_metric["acc"].scores[1])
    assert by_metric["ok"].scores.tolist() == [0, 1, 1]
    assert by_metric["ok"].higher_is_better is None


def test_filters_are_metrics_of_their_own(tmp_path):
    rows = [
        sample(at, {"exact_match": float(value)}, filter=name)
        for name, values in (("strict-match", [0, 1]), ("none", [1, 1]))
        for at, value in enumerate(values)
    ]
    run(tmp_path, rows, {"exact_match,strict-match": 0.5, "exact_match,none": 1.0})
    assert {s.metric: s.scores.tolist() for s in read_results(tmp_path)} == {
        "exact_match,strict-match": [0, 1],
        "exact_match": [1, 1],
    }


def test_corpus_metrics_have_no_document(tmp_path):
    rows = [sample(0, {"bleu": ["gold", "answer"], "mcc": [1, 0], "acc": 1.0})]
    run(tmp_path, rows, {"bleu,none": 12.0, "mcc,none": 0.0, "acc,none": 1.0})
    found = read_results(tmp_path)
    assert [s.metric for s in found] == ["acc"]
    assert found.notes == (
        "bleu of lnbench_demo_mc_zh has no number for each document and is left out",
        "mcc of lnbench_demo_mc_zh has no number for each document and is left out",
    )


def test_a_line_separator_in_a_text_ends_no_line(tmp_path):
    rows = [sample(0, {"acc": 1.0}, resps=[["one\u2028two\x85three\x0cfour\r"]]), sample(1, {"acc": 0.0})]
    run(tmp_path, rows, {"acc,none": 0.5})
    assert next(iter(read_results(tmp_path))).scores.tolist() == [1, 0]


def test_equal_documents_are_counted(tmp_path):
    rows = [sample(0, {"acc": v}) | {"doc_id": at} for at, v in enumerate([1.0, 0.0])]
    run(tmp_path, rows, {"acc,none": 0.5})
    (s,) = read_results(tmp_path)
    assert [key[2] for key in s.documents.keys] == [0, 1]


def test_groups_are_no_tasks(tmp_path):
    file = run(tmp_path)
    content = json.loads(file.read_text())
    content["results"]["lnbench_demo"] = {"acc,none": 0.5}
    file.write_text(json.dumps(content))
    assert [s.task for s in read_results(tmp_path)] == ["lnbench_demo_mc_zh"]


def test_a_store(tmp_path):
    role = {"condition": "specific", "ablated": "zh", "spec": {"steps": [{"op": "zero"}], "lang": ["zh"]}}
    write_cell(tmp_path, "b", "lnbench_demo_mc_zh", ACC, {})
    write_cell(tmp_path, "a", "lnbench_demo_mc_zh", ACC, role)
    write_cell(tmp_path, "c", "mine", ACC, {"condition": "random", "ablated": "zh", "seed": 3, "language": "zh"})
    (tmp_path / "cells" / "d").mkdir()
    (tmp_path / "cells" / "e").mkdir()
    failed = {"error": "out of memory", "role": {**role, "model": "m"}, "cell": {"task": "t"}}
    (tmp_path / "cells" / "e" / "failed.json").write_text(json.dumps(failed))
    found = read_results(tmp_path)
    assert [str(s.role) for s in found] == ["original", "specific zh", "random zh seed 3"]
    assert found.unfinished == ("d",)
    assert [(f.name, f.task, str(f.role), f.error) for f in found.failed] == [
        ("e", "t", "specific zh", "out of memory")
    ]
    named = next(s for s in found if s.task == "mine")
    assert (named.evaluated, named.seed, named.role.control) == ("zh", 3, True)
    assert read_results(tmp_path / "cells").entries[0].value == found.entries[0].value


def test_order_does_not_depend_on_names(tmp_path):
    for store, names in (("one", "abc"), ("two", "cab")):
        for name, code in zip(names, ("zh", "en", "fr")):
            write_cell(tmp_path / store, name, f"lnbench_demo_mc_{code}", ACC, {})
    one, two = ([s.evaluated for s in read_results(tmp_path / store)] for store in ("one", "two"))
    assert one == two == ["en", "fr", "zh"]


def test_where(tmp_path):
    run(tmp_path)
    found = read_results(tmp_path)
    assert len(found.where(metric="acc", evaluated="zh")) == 1
    with pytest.raises(DataError, match=r"metric 'f1'; there are acc"):
        found.where(metric="f1")


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("lnbench_demo_summ_zh", ("demo_summ", "zh")),
        ("lnbench_xlsum_zh_hant", ("xlsum", "zh-Hant")),
        ("lnbench_xlsum_sr_latn", ("xlsum", "sr-Latn")),
        ("belebele_zho_Hans", ("belebele", "zh")),
        ("belebele_zho_Hant", ("belebele", "zh-Hant")),
        ("mgsm_en_cot_sw", ("mgsm_en_cot", "sw")),
        ("some_pt_BR", ("some", "pt")),
        ("hellaswag", ("hellaswag", "und")),
        ("arc_easy", ("arc_easy", "und")),
        ("mmlu_law", ("mmlu_law", "und")),
        ("zh", ("zh", "und")),
    ],
)
def test_names(task, expected):
    assert dataset_and_language(task) == expected


def test_scores_of_documents():
    assert score_of("bits_per_byte", [-8 * math.log(2), 4]) == pytest.approx(2)
    assert score_of("word_perplexity", (-math.log(9), 2)) == pytest.approx(3)
    assert score_of("byte_perplexity", [-1e9, 1]) == math.inf
    assert score_of("perplexity", -math.log(5)) == pytest.approx(5)  # logged as the log-likelihood
    assert score_of("acc", True) == score_of("acc", "True") == score_of("acc", "1.0") == 1  # numpy's, as JSON has them
    assert math.isnan(score_of("fidelity", None))
    assert math.isnan(score_of("word_perplexity", [-1.0, 0]))
    assert score_of("f1", [1, 0]) is score_of("bleu", ["a", "b"]) is score_of("x", "text") is None
    assert score_of("word_perplexity", ["a", "b"]) is None


def test_roles_of_plain_output():
    def role(steps, spec, **plan):
        steps = [{"op": op, "languages": [lang], "neurons": 1} for op, lang in steps]
        recorded = {"model": "m", "plan": {"steps": steps, "spec": spec, **plan}}
        return Role.of_results({"config": {"lnbench": recorded}})

    zero = {"steps": [{"op": "zero"}], "lang": ["zh"]}
    drawn = {**zero, "control": "random", "seed": 2}
    plain, random = role([("zero", "zh")], zero), role([("zero", "zh")], drawn, control="random", seed=2)
    assert str(plain) == "specific zh"
    assert str(random) == "random zh seed 2"
    assert plain.what == random.what
    steered = role([("zero", "zh"), ("set:mean:fr", "fr")], {"steps": [], "expect": "fr"})
    assert str(steered) == "zero+set:mean:fr zh+fr"
    assert str(role([("zero", "zh")], {**zero, "layers": "first:8"})) == "zero layers=first:8 zh"
    assert Role.of_results({"config": {"model_args": {"pretrained": "p"}}}).model == "p"
    assert Role.of_results({"model_name": "n", "config": {"lnbench": {"plan": None}}}).condition == "original"


# What is refused


def rewrite(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def _duplicate(folder):
    run(folder)
    run(folder, name="2026-01-02T03-04-06.000000")


def _two_models(folder):
    run(folder, config={"model": "hf", "model_sha": "abc"})
    run(folder / "again", task="lnbench_demo_mc_en", config={"model": "hf", "model_sha": "def"})


def _dtypes(folder):
    run(folder, config={"model_dtype": "torch.bfloat16"})
    run(folder / "again", task="lnbench_demo_mc_en", config={"model_dtype": "torch.float32"})


def _cut_results(folder):
    file = run(folder)
    file.write_text(file.read_text()[:-20])


def _cut_samples(folder):
    file = run(folder).with_name("samples_lnbench_demo_mc_zh_2026-01-02T03-04-05.678901.jsonl")
    file.write_text(file.read_text()[:-20])


def _fewer_samples(folder):
    run(folder, ACC[:2], **{"n-samples": {"lnbench_demo_mc_zh": {"original": 9, "effective": 3}}})


def _no_samples(folder):
    run(folder).with_name("samples_lnbench_demo_mc_zh_2026-01-02T03-04-05.678901.jsonl").unlink()


def _no_hashes(folder):
    run(folder, [{k: v for k, v in row.items() if k != "target_hash"} for row in ACC])


def _metric_in_some(folder):
    run(folder, [*ACC[:2], sample(2, {})])


def _not_utf8(folder):
    file = run(folder)
    file.write_bytes(file.read_bytes().replace(b"acc", b"\xff\xfe"))


def _a_list(folder):
    run(folder).write_text("[1, 2]")


def _line_is_a_number(folder):
    file = run(folder).with_name("samples_lnbench_demo_mc_zh_2026-01-02T03-04-05.678901.jsonl")
    file.write_text("5\n")


PLAIN = {
    "no folder": (lambda folder: folder.rmdir(), "no folder"),
    "nothing": (lambda folder: None, "holds no results"),
    "duplicated": (_duplicate, r"two results for lnbench_demo_mc_zh .*04-05.*04-06"),
    "two contents of one name": (_two_models, "'m' names two models: model_sha is 'def' .* and 'abc' in"),
    "two precisions of one name": (_dtypes, "model_dtype"),
    "results cut short": (_cut_results, r"results_.*no complete JSON"),
    "samples cut short": (_cut_samples, r"samples_.*, line 3 is no complete JSON"),
    "samples cut at a line": (_fewer_samples, "2 samples, and 3 were evaluated"),
    "no samples": (_no_samples, "--log_samples"),
    "no hashes": (_no_hashes, r"samples_.*doc_id 0 lacks one of doc_hash"),
    "metric in some samples": (_metric_in_some, "1 of 3 samples lack 'acc'"),
    "not UTF-8": (_not_utf8, "no UTF-8"),
    "a list": (_a_list, "no JSON object"),
    "a number for a sample": (_line_is_a_number, "line 1 holds no JSON object"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_refused(name, tmp_path):
    spoil, said = PLAIN[name]
    folder = tmp_path / "results"
    folder.mkdir()
    spoil(folder)
    with pytest.raises(DataError, match=said) as refused:
        read_results(folder)
    assert "\n" not in str(refused.value)


def _changed(folder):
    file = folder / "samples_lnbench_demo_mc_zh_x.jsonl"
    file.write_text(file.read_text().replace('"acc": 0.0', '"acc": 1.0'))


def _gone(folder):
    (folder / "results_x.json").unlink()


def _newer(folder):
    rewrite(folder / "manifest.json", lambda m: m.update(schema="2.0"))


def _no_files(folder):
    rewrite(folder / "manifest.json", lambda m: m.pop("files"))


def _outside(folder):
    rewrite(folder / "manifest.json", lambda m: m["files"].update(results=["../../other.json", None]))


def _no_role(folder):
    rewrite(folder / "manifest.json", lambda m: m.update(role={"model": "m"}))


def _other_task(folder):
    rewrite(folder / "results_x.json", lambda r: r.update(results={}))
    rewrite(folder / "manifest.json", lambda m: m["files"]["results"].__setitem__(1, None))


CELLS = {
    "changed": (_changed, "not the file that its manifest signs"),
    "gone": (_gone, "cannot be read"),
    "newer": (_newer, r"schema 2.0.*1\.x"),
    "no files": (_no_files, "is damaged"),
    "outside": (_outside, "cells/a/other.json cannot be read"),
    "no role": (_no_role, "role is damaged"),
    "results of another task": (_other_task, "no results of 'lnbench_demo_mc_zh'"),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_damaged_cell_is_refused(name, tmp_path):
    spoil, said = CELLS[name]
    spoil(write_cell(tmp_path, "a", "lnbench_demo_mc_zh", ACC, {}))
    with pytest.raises(DataError, match=said):
        read_results(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["", "zh", "acc,none", "1.0"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["acc", "spec"]), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(), value=JSON, which=st.sampled_from(["results", "samples", "manifest"]))
def test_any_other_content_is_read_or_refused(tmp_path_factory, random, value, which):
    """One value anywhere is another: what comes is a result or one sentence, never another exception."""
    folder = tmp_path_factory.mktemp("fuzz")
    recorded = {"model": "m", "plan": {"steps": [{"op": "zero", "languages": ["zh"]}], "spec": {"lang": ["zh"]}}}
    config = {"model_sha": "x", "lnbench": {**recorded, "signatures": {"mc": {"acc": "acc|v"}}}}
    if which == "manifest":
        file = write_cell(folder, "a", "lnbench_demo_mc_zh", ACC, {"spec": {"lang": ["zh"]}}) / "manifest.json"
    else:
        file = run(folder, config=config, **{"n-samples": {"lnbench_demo_mc_zh": {"effective": 3}}})
    if which == "samples":
        file = next(folder.glob("samples_*"))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    spoil(rows, random, value)
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    try:
        for s in read_results(folder):
            hash(s.role)
    except DataError as refused:
        assert "\n" not in str(refused)


def spoil(value, random, other):
    """Walk down to some place and put something else there."""
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    at = random.choice(places)
    if isinstance(value[at], (dict, list)) and value[at] and random.random() < 0.8:
        spoil(value[at], random, other)
    else:
        value[at] = other


def test_only_unfinished_cells(tmp_path):
    (tmp_path / "cells" / "a").mkdir(parents=True)
    with pytest.raises(DataError, match="1 unfinished"):
        read_results(tmp_path)


def test_two_cells_of_one_role(tmp_path):
    write_cell(tmp_path, "a", "lnbench_demo_mc_zh", ACC, {})
    write_cell(tmp_path, "b", "lnbench_demo_mc_zh", ACC, {})
    with pytest.raises(DataError, match=r"two results .*cells/a.*cells/b"):
        read_results(tmp_path)
    write_cell(tmp_path, "b", "lnbench_demo_mc_zh", ACC, {"repeat": 1})
    assert len(read_results(tmp_path)) == 2


def test_cells_share_their_documents(tmp_path):
    for at in range(3):
        write_cell(tmp_path, str(at), "lnbench_demo_mc_zh", ACC, {"repeat": at})
    found = read_results(tmp_path)
    assert len({id(s.documents) for s in found}) == 1
    assert all(isinstance(s.scores, np.ndarray) for s in found)
