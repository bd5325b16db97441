"""Published data: from a folder of upstream's files, of the hub's parquet, and from the hub up to the network call."""

import json

import pytest

pytest.importorskip("lm_eval")
import datasets

from lnbench.errors import DataError, LnbenchError
from lnbench.harness.task_data import benchmark, demo, loaded, survey, text
from lnbench.harness.task_data._mgsm import _shot
from lnbench.harness.task_data._reading import json_lines
from lnbench.languages import LANGUAGES, language, languages_of
from scripts.make_tasks import _made_up

from . import hub

FORMS = {"mgsm": "mgsm", "xquad": "xquad", "xcsqa": "xcsqa", "xlsum": "xlsum"}


def load(form, lang, folder=None, /, **more):
    return benchmark(lnbench_form=form, lnbench_lang=lang, lnbench_passage=4000, data_dir=folder, **more)


def record(form, lang, folder=None, /, **more):
    kept = {}
    load(form, lang, folder, lnbench_data=kept, **more)
    return kept


@pytest.fixture
def online(monkeypatch):
    served = hub.Hub()
    monkeypatch.setattr(datasets, "load_dataset", served.load_dataset)
    return served


# --- the hub ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", FORMS)
def test_the_hub_is_asked_for_exactly_the_language_and_splits_at_a_pinned_revision(online, dataset):
    for row in languages_of(dataset):
        load(dataset, row.code)
        config = hub.config(dataset, row)
        files = {s: [f"{config}/{s}/*.parquet", f"{config}/{s}-*.parquet"] for s in hub.SPLITS[dataset]}
        asked = {"data_files": files, "revision": "refs/convert/parquet"}
        assert online.calls.pop() == (hub.REPOSITORIES[dataset], asked)
    assert online.calls == []


def test_japanese_is_jap_in_x_csqa(online):
    load("xcsqa", "ja")
    assert online.calls[0][1]["data_files"]["validation"][0] == "X-CSQA-jap/validation/*.parquet"


def test_the_revision_can_be_set_for_one_data_set_or_for_all(online):
    for given in ("abc", {"xquad": "abc"}):
        load("xquad", "de", lnbench_revision=given)
        assert online.calls[-1][1]["revision"] == "abc"
    load("xquad", "de", lnbench_revision={"mgsm": "abc"})
    assert online.calls[-1][1]["revision"] == "refs/convert/parquet"
    with pytest.raises(DataError, match=r"lnbench_revision=.*names no revision of XQuAD"):
        load("xquad", "de", lnbench_revision={"xquad": 3})
    with pytest.raises(DataError, match=r"lnbench_revision has 'xqaud', which is no data set; use mgsm, xquad"):
        load("xquad", "de", lnbench_revision={"xqaud": "abc"})


def test_nothing_asks_for_remote_code(online):
    load("mgsm", "zh", trust_remote_code=True)
    assert "trust_remote_code" not in online.calls[0][1]


def test_a_local_copy_of_the_parquet_branch_is_what_the_library_would_load(tmp_path, monkeypatch):
    """The real ``load_dataset``, on a folder in place of the repository's name: patterns and splits are right."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    plain = datasets.load_dataset
    for dataset in FORMS:
        hub.write_parquet(tmp_path, dataset)

    def local(path, revision, **arguments):
        return plain(str(tmp_path / path.split("/")[1]), cache_dir=str(tmp_path / "cache"), **arguments)

    monkeypatch.setattr(datasets, "load_dataset", local)
    for dataset in FORMS:
        code = languages_of(dataset)[0].code
        found = load(dataset, code)
        assert len(found["test"]) >= 2
        assert len(found["shots"]) == {"mgsm": 8, "xlsum": 2}.get(dataset, 0)


@pytest.mark.parametrize("dataset", FORMS)
def test_a_source_does_not_change_the_documents_nor_their_checksum(online, published, tmp_path, dataset):
    hub.write_parquet(tmp_path / "branch", dataset)
    hub.write_parquet(tmp_path / "main", dataset, "{split}-00000-of-00001")
    for row in languages_of(dataset)[:3]:
        folders = (published, None, tmp_path / "branch", tmp_path / "main")
        found = [load(dataset, row.code, folder) for folder in folders]
        records = [record(dataset, row.code, folder) for folder in folders]
        assert all(list(one["test"]) == list(found[0]["test"]) for one in found)
        assert all(list(one["shots"]) == list(found[0]["shots"]) for one in found)
        assert len({(one["rows"], one["sha256"], json.dumps(one.get("fewshot"))) for one in records}) == 1
        assert len({one["source"] for one in records}) == 4
        assert records[1]["source"].startswith(f"{hub.REPOSITORIES[dataset]}@refs/convert/parquet/")


def test_offline_and_without_a_folder_one_sentence_names_both_ways():
    with pytest.raises(DataError) as refused:
        load("mgsm", "zh")
    said = str(refused.value)
    for part in ("lnbench_mgsm_zh", "LNBENCH_DATA", "data_dir=FOLDER", "mgsm_zh.tsv", "juletxara/mgsm", "hub"):
        assert part in said
    assert "\n" not in said


def test_a_hub_that_does_not_answer_is_not_asked_again_and_again(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("lnbench._hub._reach._why_silent", lambda: "no route")
    with pytest.raises(DataError, match=r"gives no google/xquad \(https://huggingface.co does not answer\)"):
        load("xquad", "zh")
    assert not constants.HF_HUB_OFFLINE and not datasets.config.HF_HUB_OFFLINE


def test_what_is_on_no_hub_says_only_how_to_give_it(tmp_path):
    with pytest.raises(DataError, match=r"lnbench_open_ko has no data: .* is on no hub; set LNBENCH_DATA"):
        load("open", "ko", tmp_path)
    with pytest.raises(DataError, match=r"lnbench_ppl_zh_hant has no data: .*holds ppl/zh_hant.txt"):
        text(lnbench_lang="zh-Hant")


# --- the folder ------------------------------------------------------------------------------------------------------


def test_data_dir_goes_before_the_environment_and_both_before_the_hub(published, tmp_path, monkeypatch, online):
    monkeypatch.setenv("LNBENCH_DATA", str(published))
    assert record("xquad", "zh")["source"] == str(published / "xquad" / "xquad.zh.json")
    hub.write_parquet(tmp_path, "xquad")
    assert record("xquad", "zh", tmp_path)["source"].startswith(str(tmp_path))
    assert online.calls == []
    assert record("mgsm", "zh", tmp_path)["source"].startswith("juletxara/mgsm@")


def test_a_folder_that_is_none(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="data_dir='nowhere' is no folder"):
        load("mgsm", "zh", "nowhere")
    with pytest.raises(DataError, match="data_dir='7' is no folder"):
        load("mgsm", "zh", 7)
    monkeypatch.setenv("LNBENCH_DATA", "nowhere")
    with pytest.raises(DataError, match="LNBENCH_DATA='nowhere' is no folder"):
        load("mgsm", "zh")


def moved(published, tmp_path, names):
    for old, new in names.items():
        (tmp_path / new).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / new).write_bytes((published / old).read_bytes())
    return tmp_path


LAYOUTS = {
    "mgsm flat": ("mgsm", "zh", {"mgsm/mgsm_zh.tsv": "mgsm_zh.tsv", "mgsm/exemplars.json": "exemplars.json"}),
    "xquad flat": ("xquad", "el", {"xquad/xquad.el.json": "xquad.el.json"}),
    "xcsqa upstream": ("xcsqa", "ja", {"xcsqa/X-CSQA-jap/dev.jsonl": "xcsqa/X-CSQA/jap/dev.jsonl"}),
    "xcsqa flat": ("xcsqa", "ja", {"xcsqa/X-CSQA-jap/dev.jsonl": "X-CSQA-jap/dev.jsonl"}),
    "xcsqa by field": ("xcsqa", "ja", {"xcsqa/X-CSQA-jap/dev.jsonl": "xcsqa/sample/dev.jsonl"}),
    "xcsqa one file": ("xcsqa", "ja", {"xcsqa/X-CSQA-jap/dev.jsonl": "all.jsonl"}),
    "xlsum flat": (
        *("xlsum", "sr-Latn"),
        {f"xlsum/serbian_latin_{s}.jsonl": f"serbian_latin_{s}.jsonl" for s in ("test", "val")},
    ),
    "xlsum by language": (
        *("xlsum", "pt"),
        {
            f"xlsum/portuguese_{s}.jsonl": f"XLSum_complete_v2.0/portuguese/portuguese_{s}.jsonl"
            for s in ("test", "val")
        },
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_documents(published, tmp_path, layout):
    form, lang, names = LAYOUTS[layout]
    folder = moved(published, tmp_path, names)
    (folder / "notes.jsonl").write_text('{"prompt": "not a data set of ours"}\n')
    found, wanted = load(form, lang, folder), load(form, lang, published)
    assert list(found["test"]) == list(wanted["test"])
    assert list(found["shots"]) == list(wanted["shots"])


def test_a_file_of_several_languages_is_read_by_its_field(tmp_path):
    rows = []
    for lang in ("sw", "ja", "jap", "zh"):
        choices = [{"label": "A", "text": "x"}, {"label": "B", "text": lang}]
        rows.append({"id": lang, "lang": lang, "question": {"stem": "s", "choices": choices}, "answerKey": "B"})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [one["id"] for one in load("xcsqa", "sw", tmp_path)["test"]] == ["sw"]
    assert [one["id"] for one in load("xcsqa", "ja", tmp_path)["test"]] == ["ja", "jap"]
    with pytest.raises(DataError, match="has no data"):
        load("xcsqa", "hi", tmp_path)


def test_examples_come_from_validation_then_training_rows_and_not_beyond_a_bound(published, tmp_path, monkeypatch):
    names = {"xlsum/thai_test.jsonl": "thai_test.jsonl", "xlsum/thai_val.jsonl": "thai_train.jsonl"}
    folder = moved(published, tmp_path, names)
    assert [one["id"] for one in load("xlsum", "th", folder)["shots"]] == ["val-0", "val-1"]
    monkeypatch.setattr("lnbench.harness.task_data._sources.MOST_SHOTS", 1)
    assert [one["id"] for one in load("xlsum", "th", folder)["shots"]] == ["val-0"]
    (folder / "thai_train.jsonl").unlink()
    assert list(load("xlsum", "th", folder)["shots"]) == []


def test_published_examples_may_be_the_python_file(published, tmp_path):
    values = json.loads((published / "mgsm" / "exemplars.json").read_text())
    lines = [f"{name} = {value!r}\n" for name, value in values.items()]
    folder = moved(published, tmp_path, {"mgsm/mgsm_fr.tsv": "mgsm_fr.tsv"})
    (folder / "exemplars.py").write_text('"""Examples."""\nimport os\n' + "".join(lines))
    assert list(load("mgsm", "fr", folder)["shots"]) == list(load("mgsm", "fr", published)["shots"])
    (folder / "exemplars.py").write_text("MGSM_EXEMPLARS = open('x')\n")
    with pytest.raises(DataError, match=r"exemplars.py holds something else"):
        load("mgsm", "fr", folder)


def test_prompts_of_one_s_own(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "zh.txt").write_text("一\n\n二\u2028三\n", encoding="utf-8")
    (tmp_path / "open" / "fr.jsonl").write_text('{"prompt": "Un\\nDeux"}\n{"prompt": "Trois", "id": 7}\n')
    (tmp_path / "open" / "de.csv").write_text('prompt,source\n"Eins,\nzwei ""drei""",x\nVier,y\n')
    assert [one["question"] for one in load("open", "zh", tmp_path)["test"]] == ["一", "二\u2028三"]
    assert [one["question"] for one in load("open", "fr", tmp_path)["test"]] == ["Un\nDeux", "Trois"]
    assert [one["question"] for one in load("open", "de", tmp_path)["test"]] == ['Eins,\nzwei "drei"', "Vier"]


def test_prompts_of_the_benchmark_are_all_its_sources_in_the_language(tmp_path):
    for source, prompts in (("okapi", "eins\nzwei\n"), ("aya", "drei\n")):
        path = tmp_path / "language_confusion" / "test_sets" / "monolingual" / source / "pt.csv"
        path.parent.mkdir(parents=True)
        path.write_text(f"prompt\n{prompts}")
    found = load("open", "pt", tmp_path)["test"]
    assert [(one["id"], one["question"]) for one in found] == [
        ("aya-1", "drei"),
        ("okapi-1", "eins"),
        ("okapi-2", "zwei"),
    ]
    assert found[0]["prompt"] == "Pergunta: drei\nResposta:"
    assert found[0]["target"] == ""


def test_text_of_one_s_own(published, tmp_path):
    documents = text(lnbench_lang="zh-Hant", data_dir=published)["test"]
    assert [one["text"] for one in documents] == list(_made_up.DOCUMENTS)
    (tmp_path / "ppl").mkdir()
    (tmp_path / "ppl" / "cy.jsonl").write_text('{"text": "un\\u2028dau"}\n{"text": "tri"}\n')
    assert [one["text"] for one in text(lnbench_lang="cy", data_dir=tmp_path)["test"]] == ["un\u2028dau", "tri"]


def test_lines_end_at_a_newline_only(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes('\ufeff{"a": "x\u2028y\u0085z"}\r\n\n{"a": "w"}'.encode())
    assert [row["a"] for _, row in json_lines(path)] == ["x\u2028y\u0085z", "w"]


def test_an_example_without_a_label_keeps_its_text():
    question = "Anna wakes up every morning of the long week at half past six, or 6:30."
    made = _shot(("example 1", {"question": question, "answer": "Step-by-Step Answer: 2", "answer_number": 2}))
    assert (made["question"], made["steps"]) == (question, "2")


def test_tabs_alone_separate_fields(tmp_path):
    (tmp_path / "mgsm_en.tsv").write_text('He said "4 + 5" is\t9\n"So\t3\n', encoding="utf-8")
    assert [one["question"] for one in load("mgsm", "en", tmp_path)["test"]] == ['He said "4 + 5" is', '"So']


# --- documents -------------------------------------------------------------------------------------------------------


def test_a_document_of_each_form(published):
    one = load("mgsm", "zh", published)["test"][0]
    assert (one["id"], one["kind"], one["lang"], one["target"]) == ("1", "mgsm", "zh", "1253")
    assert one["prompt"].startswith(one["instruction"]) and one["instruction"].endswith("\n\n")
    one = load("xquad", "de", published)["test"][2]
    assert (one["target"], one["answers"]) == (" 312", ["312"])
    assert one["prompt"].endswith(f"Kontext: {one['passage']}\nFrage: {one['question']}\nAntwort:")
    one = load("xcsqa", "th" if "th" in {r.code for r in languages_of("xcsqa")} else "ja", published)["test"][2]
    assert (one["choices"], one["gold"]) == (["snow", "leaves", "snow", "stairs", "prices"], 2)
    assert one["instruction"] == "" and "leaves" not in one["prompt"]
    one = load("xcsqa_letters", "sw", published)["test"][2]
    assert (one["choices"], one["gold"]) == ([" A", " B", " C", " D", " E"], 2)
    assert "\nB. leaves\nC. snow\n" in one["prompt"]


def test_a_long_passage_ends_with_a_sentence_and_the_question_stays(tmp_path):
    sentence = "Un chat dort sur la chaise. "
    row = {"id": "1", "url": "u", "title": "t", "summary": "Un chat dort.", "text": sentence * 40}
    (tmp_path / "french_test.jsonl").write_text(json.dumps(row) + "\n")
    found = benchmark(lnbench_form="xlsum", lnbench_lang="fr", lnbench_passage=100, data_dir=tmp_path)["test"][0]
    assert found["passage"] == (sentence * 3).strip()
    assert found["prompt"].endswith(f"Texte : {found['passage']}\nRésumé :")


def test_what_could_not_score_the_responses_is_refused_before_there_are_any(published, monkeypatch):
    monkeypatch.setenv("LNBENCH_LID", "cld9")
    for form in ("mgsm", "xquad", "xlsum", "open"):
        with pytest.raises(LnbenchError, match="unknown language identifier 'cld9'"):
            load(form, "zh" if form != "xquad" else "de", published)
    with pytest.raises(LnbenchError, match="unknown language identifier 'cld9'"):
        demo(lnbench_file="demo/data/summ_fr.jsonl", lnbench_kind="summ")
    for form in ("mgsm_direct", "xcsqa", "xcsqa_letters"):  # these identify nothing
        assert len(load(form, "zh", published)["test"])
    monkeypatch.delenv("LNBENCH_LID")
    monkeypatch.setenv("LNBENCH_SEGMENT", "words")
    with pytest.raises(LnbenchError, match="unknown segmentation 'words'"):
        load("xlsum", "zh", published)


def test_records_are_kept_by_task(published):
    kept = record("mgsm_direct", "bn", published)
    assert loaded()["lnbench_mgsm_direct_bn"] == kept
    assert kept["rows"] == 2 and len(kept["sha256"]) == 64
    assert kept["fewshot"]["rows"] == 8
    assert kept["sha256"] == record("mgsm", "bn", published)["sha256"]


def test_a_checksum_sees_every_change(published, tmp_path):
    folder = moved(published, tmp_path, {"mgsm/mgsm_bn.tsv": "mgsm_bn.tsv"})
    before = record("mgsm", "bn", folder)["sha256"]
    path = folder / "mgsm_bn.tsv"
    path.write_text(path.read_text().replace("24", "25"))
    assert record("mgsm", "bn", folder)["sha256"] != before


def test_a_language_that_a_data_set_lacks(published):
    with pytest.raises(DataError, match=r"MGSM has no Korean \('ko'\); it has bn, de, en"):
        load("mgsm", "ko", published)


def test_model_arguments_and_other_metadata_are_ignored(published):
    metadata = {
        "pretrained": "x",
        "revision": "main",
        "mask": "a.pt",
        "lang": "fr",
        "name": "n",
        "split": "s",
        "version": 1,
    }
    assert load("mgsm", "zh", published, **metadata)["test"][0]["lang"] == "zh"


def test_every_language_of_every_data_set_loads(published):
    served = [one for one in survey(published) if one.tasks]
    assert len(served) == 11 + 12 + 16 + 45 + 15 + len(LANGUAGES)
    assert all(one.problem is None and one.rows >= 2 for one in served)
    assert all(language(one.language) for one in served)
