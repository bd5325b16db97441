"""``lnbench neurons stats``: any set can steer afterwards, by numbers that a plain loop over the text gives too."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from lnbench._data import demo_model_dir, packaged
from lnbench.cli.neurons import app
from lnbench.detection import CorpusStatistics
from lnbench.errors import DataError, LnbenchError, ModelMismatchError, OutputError, SpecError
from lnbench.models import Spec, compile_plan
from lnbench.neurons import Architecture, NeuronSet

pytestmark = pytest.mark.skipif(
    not (demo_model_dir() / "model.safetensors").exists(), reason="the demo model's weights are not in this checkout"
)

TEXT = packaged("neuron_sets") / "demo" / "text" / "detection"
TEXTS = {code: (TEXT / f"{code}.txt").read_text(encoding="utf-8").split("\n\n")[:4] for code in ("fr", "zh", "en")}
LENGTH = 24
NEURONS = {
    "zh": {"ffn.act": [[3, 500], [], [7], [0]], "ffn.hidden": [[511], [2], [], [9]], "attn.q": [[1], [], [], [127]]},
    "sw": {"ffn.hidden": [[2], [], [8], []], "attn.k": [[5], [], [], []], "attn.v": [[], [6], [], []]},
    "de": {"attn.o": [[4, 127], [], [], [11]]},
}


@pytest.fixture(scope="module")
def model():
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(demo_model_dir(), dtype=torch.float32)


@pytest.fixture
def bare(tmp_path):
    """A set as it comes out of somebody's file: it knows no model."""
    return NeuronSet.from_indices(NEURONS, method="by hand").save(tmp_path / "bare.pt")


@pytest.fixture
def corpora(tmp_path):
    for code, texts in TEXTS.items():
        (tmp_path / f"{code}.txt").write_text("\n\n".join(texts), encoding="utf-8")
    return [f"--corpus={code}={tmp_path / code}.txt" for code in ("fr", "zh")]


def run(*given):
    result = CliRunner().invoke(app, ["stats", *map(str, given)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def common(corpora):
    return ["--model", "lnbench/demo", *corpora, "--document", "blank-line", "--max-length", LENGTH]


def direct(model, code):
    """Site to [layers, tokens, width]: every value on the documents of a language, one document at a time."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(demo_model_dir())
    seen = {}

    def keep(site, layer, values):
        seen.setdefault(site, {}).setdefault(layer, []).append(values[0, 1:].detach())  # not the first position

    hooks = []
    for n, layer in enumerate(model.model.layers):
        out, attention = layer.mlp.act_fn, layer.self_attn
        gate = layer.mlp.gate_proj
        hooks.append(gate.register_forward_hook(lambda m, a, y, n=n, f=out: keep("ffn.act", n, f(y))))
        hooks.append(layer.mlp.down_proj.register_forward_hook(lambda m, a, y, n=n: keep("ffn.hidden", n, a[0])))
        hooks.append(attention.o_proj.register_forward_hook(lambda m, a, y, n=n: keep("attn.o", n, a[0])))
        for part in "qkv":
            module = getattr(attention, f"{part}_proj")
            hooks.append(module.register_forward_hook(lambda m, a, y, n=n, p=part: keep(f"attn.{p}", n, y)))
    with torch.no_grad():
        for text in TEXTS[code]:
            model(torch.tensor([tokenizer(text)["input_ids"][:LENGTH]]))
    for hook in hooks:
        hook.remove()
    return {site: torch.stack([torch.cat(of[n]) for n in sorted(of)]).double() for site, of in seen.items()}


def test_the_numbers_are_those_of_a_plain_loop(tmp_path, bare, corpora, model):
    run(bare, *common(corpora), "--out", tmp_path / "full.safetensors")
    made, before = NeuronSet.load(tmp_path / "full.safetensors"), NeuronSet.load(bare)
    assert made.content_hash == before.content_hash and made.statistic_languages == ("fr", "zh")
    values = {code: direct(model, code) for code in ("fr", "zh")}
    rows = made.rows()
    for at, (site, layer, index) in enumerate(zip(rows.site_id, rows.layer, rows.index)):
        fr, zh = (values[code][made.sites[site]][layer, :, index] for code in ("fr", "zh"))
        expected = {
            "mean": [fr.mean(), zh.mean()],
            "median": [np.median(fr), np.median(zh)],
            "diff": [fr.mean() - zh.mean(), zh.mean() - fr.mean()],
            "active_mean": [x[x > 0].mean() if (x > 0).any() else 0 for x in (fr, zh)],
        }
        for kind, pair in expected.items():
            assert made.statistics[kind][at] == pytest.approx(list(map(float, pair)), rel=1e-4, abs=1e-5), kind
    for site in made.sites:
        shares = torch.stack([(values[code][site] > 0).double().mean(1) for code in ("fr", "zh")])
        assert made.frequency[site] == pytest.approx(shares.numpy(), abs=1e-6)


def test_the_header_says_what_was_measured(tmp_path, bare, corpora):
    printed = run(bare, *common(corpora), "--out", tmp_path / "full.pt", "--sample", 0).stdout
    made = NeuronSet.load(tmp_path / "full.pt")
    header = made.header
    recipe = header.parameters["statistics"]
    assert recipe["model"] == header.model == "lnbench/demo" and header.method == "by hand" and header.corpus is None
    assert recipe["settings"] == {"dtype": "float32", "batch_size": 8, "sample": 0, "seed": 0}
    assert recipe["corpus"]["documents"] == {"fr": 4, "zh": 4} and len(recipe["corpus"]["sha256"]) == 64
    assert header.architecture.layers == 4 and header.architecture.width("attn.k", 0) == 128
    assert header.history == (f"statistics of fr+zh@{recipe['corpus']['sha256'][:12]} measured on lnbench/demo",)
    assert set(made.statistics) == {"mean", "diff", "active_mean", "active_diff"}
    assert made.content_hash in printed and "on text in fr, zh" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.pt", "en.txt", "fr.txt", "full.pt", "zh.txt"]


def test_a_set_found_by_plnd_can_steer_and_be_matched_by_activation(tmp_path, corpora):
    plnd = NeuronSet.load("demo_langs_plnd.safetensors")
    keys = [{"spec": "set:mean:fr"}, {"spec": "zero", "control": "random", "match": "activation", "seed": 1}]
    for key in keys:
        with pytest.raises(SpecError, match="lnbench neurons stats SET --model M --corpus"):
            compile_plan(Spec.parse(lang="zh", **key), plnd, plnd.header.architecture)
    run("demo_langs_plnd.safetensors", *common(corpora), "--out", tmp_path / "plnd.pt")
    made = NeuronSet.load(tmp_path / "plnd.pt")
    assert made.scores.tolist() == plnd.scores.tolist() and made.header.corpus == plnd.header.corpus
    steered, control = (
        compile_plan(Spec.parse(lang="zh", **key), made, made.header.architecture).edits for key in keys
    )
    for (layer, site), edit in steered.items():
        assert edit.indices.tolist() == made.indices("zh", site)[layer].tolist()
        assert edit.offset == pytest.approx(made.statistic("mean", "fr", "zh", site)[layer])
    assert {at: len(edit.indices) for at, edit in control.items()} == {
        at: len(edit.indices) for at, edit in steered.items()
    }


def test_statistics_are_kept_and_used_again_without_a_model(tmp_path, bare, corpora):
    kept = tmp_path / "s.safetensors"
    run(bare, *common(corpora), "--out", tmp_path / "a.pt", "--stats-out", kept)
    assert tuple(CorpusStatistics.load(kept)) == NeuronSet.load(bare).sites
    run(bare, "--stats", kept, "--out", tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    hidden = NeuronSet.load("demo_langs_ffn.safetensors").select(sites="ffn.act")
    hidden.save(tmp_path / "c.pt")
    with pytest.raises(SpecError, match=r"has statistics of en, zh, .*; add --replace to measure them anew"):
        run(tmp_path / "c.pt", "--stats", kept, "--out", tmp_path / "d.pt")
    run(tmp_path / "c.pt", "--stats", kept, "--out", tmp_path / "d.pt", "--replace")
    assert NeuronSet.load(tmp_path / "d.pt").statistic_languages == ("fr", "zh")


def test_one_language_has_no_difference_to_others(tmp_path, bare, corpora):
    run(bare, *common(corpora[:1]), "--out", tmp_path / "fr.pt")
    assert set(NeuronSet.load(tmp_path / "fr.pt").statistics) == {"mean", "median", "active_mean", "active_median"}


def test_a_pass_goes_on_where_it_stopped(tmp_path, bare, corpora, monkeypatch):
    """The second language fails once; the first one's shard is not made again."""
    from lnbench.detection import _collect

    run(bare, *common(corpora), "--out", tmp_path / "whole.pt")
    seen, plain = [], _collect._Pass._shard

    def shard(self, place):
        seen.append((place.language, self._store.done(place.language, place.number)))
        if place.language == "zh" and len(seen) == 2:
            raise DataError("pulled out")
        return plain(self, place)

    monkeypatch.setattr(_collect._Pass, "_shard", shard)
    with pytest.raises(DataError, match="pulled out"):
        run(bare, *common(corpora), "--out", tmp_path / "full.pt", "--resume-dir", tmp_path / "done")
    assert not (tmp_path / "full.pt").exists()
    run(bare, *common(corpora), "--out", tmp_path / "full.pt", "--resume-dir", tmp_path / "done")
    assert seen == [("fr", False), ("zh", False), ("zh", False)]  # French was joined and is there
    assert (tmp_path / "full.pt").read_bytes() == (tmp_path / "whole.pt").read_bytes()
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        (["{bare}"], SpecError, "nothing to measure with: give --model and --corpus LANG=SOURCE, or --stats FILE"),
        (["{bare}", "--model", "lnbench/demo"], SpecError, "nothing to measure with"),
        (["{bare}", "--model", "lnbench/demo", "--stats", "{here}/s"], SpecError, "is measured already"),
        (["{bare}", "--stats", "{here}/s"], DataError, "no statistics at"),
        (["{bare}", "--stats", "{here}/s", "--stats-out", "{here}/t"], SpecError, "--stats-out keeps what a pass"),
        (["{empty}", "--stats", "{here}/s"], SpecError, "has no neurons to measure"),
        (["none.pt", "--stats", "{here}/s"], LnbenchError, "no neuron set 'none.pt'"),
        (["{bare}", "--stats", "{here}/s", "--out", "{here}/x.txt"], OutputError, "call '.*x.txt' x.txt.safetensors"),
        (["{bare}", "--model", "m", "--corpus", "fr"], SpecError, "fr"),
        (["{bare}", "--model", "m", "--corpus", "fr=datasets:x:y:z:t"], SpecError, "may have no end"),
        (["{bare}", "--languages", "en,zh", "--stats", "{here}/s"], LnbenchError, "names its languages itself"),
    ],
)
def test_refusals_before_anything_is_loaded(tmp_path, bare, monkeypatch, arguments, error, why):
    monkeypatch.setattr("lnbench.models.load_model", lambda *a, **k: pytest.fail("the model was loaded"))
    NeuronSet.from_indices({"zh": {"ffn.act": [[]]}}).save(tmp_path / "empty.pt")
    places = {"bare": bare, "here": tmp_path, "empty": tmp_path / "empty.pt"}
    given = [argument.format(**places) for argument in arguments]
    with pytest.raises(error, match=why):
        run(*given, *([] if "--out" in given else ["--out", tmp_path / "out.pt"]))
    assert not (tmp_path / "out.pt").exists()


def test_a_set_for_another_model_is_refused_before_the_text_is_read(tmp_path, corpora, monkeypatch):
    monkeypatch.setattr("lnbench.cli._detect_options.Text.read", lambda *a: pytest.fail("the text was read"))
    NeuronSet.from_indices({"zh": {"ffn.act": [[512]]}}).save(tmp_path / "wide.pt")
    NeuronSet.from_indices({"zh": {"ffn.act": [[5]]}}, architecture=Architecture(2, {"ffn.act": 9})).save(
        tmp_path / "other.pt"
    )
    for name in ("wide.pt", "other.pt"):
        with pytest.raises(ModelMismatchError):
            run(tmp_path / name, *common(corpora), "--out", tmp_path / "out.pt")
