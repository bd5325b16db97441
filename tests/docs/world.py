"""What a reader of the pages has and this machine lacks, or has not: what is left out, what stands in, what is made."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.docs.pages import ROOT

#: Every word that may stand behind ``needs:`` in a page; such blocks are parsed, and run only where it is there.
NEEDS = {
    "adapter": "an adapter or a quantised checkpoint of the reader's own",
    "checkout": "a fresh clone, in which the environment itself is made",
    "cluster": "a Ray cluster that runs elsewhere",
    "data": "published data files; the folder that LNBENCH_TEST_DATA names",
    "gpu": "one GPU or several",
    "hub": "the Hugging Face hub",
    "model": "a model with billions of parameters, for which the embedded one cannot stand in",
    "package": "another package that brings a method of detection",
    "ray": "the extra `ray`",
    "repository": "a clone that the reader may push",
    "slurm": "a SLURM cluster",
    "study": "finished cells of a study that takes longer than a page should",
    "time": "half an hour or more",
    "vllm": "vLLM",
}

#: What the embedded model, its sets and its tasks stand in for.
STAND_INS = (
    (r"meta-llama/[\w.-]+|mistralai/[\w.-]+|\borg/model\b", "lnbench/demo"),
    (r"(--model|pretrained=)( ?)M\b", r"\1\2lnbench/demo"),
    (r",?dtype=bfloat16| --dtype bfloat16", ""),
    (r"--tasks xnli_zh", "--tasks lnbench_demo_mc_zh --limit 8"),
    (r"(--model_args )?pretrained=lnbench/demo --tasks", r"\1pretrained=lnbench/demo,dtype=float32 --tasks"),
    (r"/data/published", "my_data"),
    (r"--tokens 1M", "--tokens 5k"),
    (r"first:8", "first:2"),
    (r"--top-rate 0.02", "--top-rate 0.05"),
    (r"--documents 200 --max-length 256", "--documents 8 --max-length 64"),
)

#: Exit codes that a command may end with beside 0, as its help says.
ENDS = {"neurons diff": (3,), "check": (1,), "study status": (4,)}


def with_stand_ins(text: str) -> str:
    """The command for the embedded model, where it is written for a large one."""
    for pattern, instead in STAND_INS:
        text = re.sub(pattern, instead, text)
    return text


def _text(code: str) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        source = ROOT / "neuron_sets" / "demo" / "text" / "detection" / f"{code}.txt"
        path.write_text(source.read_text(encoding="utf-8").replace("\n\n", "\n"), encoding="utf-8")

    return made


def _folder_of_text(code: str) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        path.mkdir()
        _text(code)(path / "text.txt")

    return made


def _rows_of_text(code: str) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        import json

        _text(code)(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [{"text": line, "body": line} for line in lines if line]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    return made


def _copy(name: str) -> Callable[[Path], None]:
    return lambda path: shutil.copyfile(ROOT / name, path) and None


def _as_pt(name: str) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        from lnbench import NeuronSet

        NeuronSet.load(name).save(path)

    return made


def _words(path: Path) -> None:
    path.write_text("na\nya\nwa\nkitabu\nmaji\n", encoding="utf-8")


def _answers(path: Path) -> None:
    import json

    rows = [
        {"text": "Le chat dort sur la vieille chaise.", "lang": "fr"},
        {"text": "猫在窗户旁边的旧椅子上睡觉。", "lang": "zh"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _published(path: Path) -> None:
    path.symlink_to(os.environ["LNBENCH_TEST_DATA"], target_is_directory=True)


def _released(path: Path) -> None:
    """A file as LAPE's authors release them, which holds seven languages without their names."""
    from lnbench import NeuronSet
    from lnbench.neurons import write_foreign

    write_foreign(NeuronSet.load("demo_langs_ffn.safetensors"), path, "lape")


def _plnd_file(code: str) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        from lnbench import NeuronSet
        from lnbench.neurons import write_foreign

        chosen = NeuronSet.load("demo_langs_plnd.safetensors").select(languages=[code])
        write_foreign(chosen, path, "plnd")

    return made


_SMALL_STUDY = """
name: my-study
model: {pretrained: lnbench/demo, batch_size: 16, device: cpu, threads: 1}
neurons: demo_langs_ffn.safetensors
languages: [en, zh]
tasks: [demo_summ]
conditions:
  original: {}
  random: {control: random, seeds: 2}
  specific: {op: zero}
limit: 5
"""


def _store(path: Path) -> None:
    """The finished store of a small study."""
    from lnbench.studies import Store, Study, run

    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_suffix(".yaml")
    file.write_text(_SMALL_STUDY, encoding="utf-8")
    run(Study.load(file), Store(path))


#: Files that the pages take for granted -> what makes one like it.
OWN: dict[str, Callable[[Path], None]] = {
    **{f"{code}.txt": _text(code) for code in ("en", "zh", "fr", "sw")},
    **{f"{code}_test.txt": _text(code) for code in ("en", "zh", "sw")},
    "zh/": _folder_of_text("zh"),
    "sw.jsonl": _rows_of_text("sw"),
    "sw_words.txt": _words,
    "answers.jsonl": _answers,
    "my_data": _published,
    "study.yaml": _copy("examples/demo-study.yaml"),
    "expectations.yaml": _copy("examples/expectations.yaml"),
    "my_zh.pt": _copy("neuron_sets/zh_ffn.pt"),
    "my_langs.safetensors": _copy("neuron_sets/demo_langs_ffn.safetensors"),
    "somebody_elses.safetensors": _copy("neuron_sets/demo_langs_plnd.safetensors"),
    "a.pt": _as_pt("demo_langs_ffn.safetensors"),
    "b.pt": _copy("neuron_sets/zh_ffn.pt"),
    "LLaMA-2-7B.neuron.pth": _released,
    "zh_plnd.txt": _plnd_file("zh"),
    "fr_plnd.txt": _plnd_file("fr"),
    "results/my-study": _store,
}
