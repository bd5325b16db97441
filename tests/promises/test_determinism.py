"""The same work in other processes, with other hash seeds, threads and batches: the same bits, or the same table.

What may differ, and by how much, is in docs/promises.md under "What may differ".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from lnbench._data import demo_model_dir
from lnbench.detection import Corpus, collect_sites, lape_from_statistics, token_documents
from lnbench.neurons import NeuronSet
from lnbench.studies import Store, Study, run
from tests.models.tiny import build
from tests.studies.conftest import keys, mask, neurons, task_folder, tiny_model, write  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[2]
needs_demo = pytest.mark.skipif(
    not (demo_model_dir() / "model.safetensors").exists(), reason="the demo model's weights are not in this checkout"
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``one``: hash seed 0, one thread, batches of 4; ``other``: another seed, the same again, then 2 threads and 3."""
    folder = tmp_path_factory.mktemp("done")
    processes = [start(folder / "one", 0, 1, 4), start(folder / "other", 4242, 1, 4, 2, 3)]
    for process in processes:
        said, _ = process.communicate(timeout=1200)
        assert process.returncode == 0, said[-3000:]
    return folder


def start(out: Path, seed: int, *pairs: int) -> subprocess.Popen[str]:
    """Threads that have nothing to do sleep: where there are fewer cores than threads, they would be in the way."""
    changes = {"PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": str(max(pairs[::2])), "OMP_WAIT_POLICY": "passive"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}  # nothing is switched off
    line = [sys.executable, "-m", "tests.promises.work", str(out), *map(str, pairs)]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(line, env={**kept, **changes, "TQDM_DISABLE": "1"}, cwd=ROOT, **pipe)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cells(store: Path, *, samples: bool) -> dict[str, object]:
    """All that a table is made of, by cell: what decides it, its scores, for ``samples`` the hash of every answer."""
    found = {}
    for name, manifest in Store(store).finished().items():
        results = json.loads((Store(store).cell(name) / manifest["files"]["results"][0]).read_text())
        hashes = {task: signed[1] for task, signed in manifest["files"]["samples"].items()}
        found[name] = (manifest["cell"], results["results"], hashes if samples else None)
    return found


@needs_demo
def test_another_process_finds_the_same_bits(done):
    one, other = done / "one" / "1-4", done / "other" / "1-4"
    for name in ("lape.safetensors", "statistics.safetensors", "plnd.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert len(cells(one / "results", samples=True)) == 32
    assert cells(one / "results", samples=True) == cells(other / "results", samples=True)
    assert files(one / "board") == files(other / "board") and len(files(one / "board")) == 11


@needs_demo
def test_threads_and_batches_change_no_table(done):
    one, other = done / "one" / "1-4", done / "other" / "2-3"
    assert cells(one / "results", samples=False) == cells(other / "results", samples=False)
    assert files(one / "board") == files(other / "board")


@needs_demo
def test_threads_and_batches_change_no_neuron_and_sums_by_rounding_alone(done):
    one, other = done / "one" / "1-4", done / "other" / "2-3"
    for name in ("lape.safetensors", "plnd.safetensors"):
        assert NeuronSet.load(one / name).content_hash == NeuronSet.load(other / name).content_hash, name
    sums, others = (load_file(each / "statistics.safetensors") for each in (one, other))
    assert sums.keys() == others.keys()
    for name, values in sums.items():
        if name.endswith(".active"):
            assert np.array_equal(values, others[name]), name
        else:
            np.testing.assert_allclose(values, others[name], rtol=1e-4, atol=1e-4, err_msg=name)


@needs_demo
@pytest.mark.parametrize("process", ["one", "other"])
def test_local_work_asks_nobody(done, process):
    """Finding neurons, a study and its tables, of a model in a folder whose name could be a repository's."""
    assert json.loads((done / process / "asked.json").read_text()) == []


def test_what_asks_is_heard():
    program = "import sys, socket; from tests.promises import network; sys.addaudithook(network.hear)\n"
    program += (
        "try: socket.create_connection(('127.0.0.1', 9), timeout=1)\nexcept OSError: pass\nprint(len(network.asked))"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(told.stdout) >= 1


# In one process


@pytest.fixture
def drawn(keys):  # noqa: F811
    """Answers and examples are drawn, so that whatever is left of an earlier cell would show."""
    return {**keys, "num_fewshot": 2, "gen_kwargs": {"do_sample": True, "temperature": 1.0, "max_gen_toks": 6}}


def hashes(store: Store) -> dict[str, list[str]]:
    """The hash of every answer, by cell; a sample log is named after the moment of its cell."""
    found = store.finished()
    return {name: sorted(signed[1] for signed in m["files"]["samples"].values()) for name, m in found.items()}


def test_a_cell_does_not_know_the_others(drawn, write, tmp_path):  # noqa: F811
    straight, turned, part = (Store(tmp_path / name) for name in ("straight", "turned", "part"))
    run(Study.load(write(drawn)), straight)
    lists = {name: drawn[name][::-1] for name in ("languages", "tasks")}
    conditions = dict(reversed(drawn["conditions"].items()))
    run(Study.load(write({**drawn, **lists, "conditions": conditions})), turned)
    run(Study.load(write(drawn)), part, shard=(3, 3))
    assert len(hashes(straight)) == 16 and hashes(turned) == hashes(straight)
    assert 4 <= len(hashes(part)) < 8 and hashes(part).items() <= hashes(straight).items()
    assert len({json.dumps(each) for each in hashes(straight).values()}) > 8, "answers are the same anyway"


def test_the_order_of_documents_changes_no_neuron():
    class Letters:
        def __call__(self, texts, truncation, max_length):
            return {"input_ids": [[1, *(3 + ord(c) % 50 for c in text)][:max_length] for text in texts]}

    model, random = build("llama"), np.random.default_rng(0)
    texts = {code: ["".join(map(chr, random.integers(97, 123, n))) for n in range(3, 40)] for code in ("x-a", "x-b")}
    sets = []
    for step in (1, -1):
        corpora = [Corpus.of(code, of[::step]) for code, of in texts.items()]
        measured = collect_sites(model, token_documents(Letters(), corpora), sites=["ffn.act"], batch_size=4)
        sets.append((measured, lape_from_statistics(measured, top_rate=0.3, filter_rate=0.5, bar_rate=0.5)))
    (one, straight), (other, turned) = sets
    assert torch.equal(one["ffn.act"].active, other["ffn.act"].active)
    assert straight.content_hash == turned.content_hash and len(straight) > 5
