"""Detect the shipped neuron sets of the embedded model: ``python -m scripts.make_demo_sets [MODEL_DIR] [OUT_DIR]``.

LAPE on the packaged detection text, and nothing else: the planted truth is not read.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lnbench._data import DEMO_MODEL, demo_model_dir, packaged
from lnbench.detection import collect, detect_lape, read_documents, token_batches
from lnbench.neurons import NeuronSet

LANGUAGES = ("en", "zh", "fr", "es", "de", "ru", "sw")
#: The paper's 1 % leaves some of the seven languages without a neuron in a model as small as this.
TOP_RATE = 0.05
#: All languages in one file; each language alone is ``{language}_ffn.pt``.
ALL = "demo_langs_ffn.safetensors"


def detect(model_dir: Path, text: Path) -> NeuronSet:
    """LAPE over the detection text of all languages, with the constants that steering needs."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype="float32").eval()
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    documents = {language: read_documents(text / f"{language}.txt") for language in LANGUAGES}
    batches = {language: list(token_batches(tokenizer, listed)) for language, listed in documents.items()}
    with tqdm(total=sum(len(listed) for listed in batches.values()), unit="batch") as bar:

        def done(language: str, tokens: int) -> None:
            bar.update()

        statistics = collect(model, batches, done=done)
    corpus = _corpus(text, statistics.tokens)
    return detect_lape(model, statistics, top_rate=TOP_RATE, model_id=DEMO_MODEL, corpus=corpus)


def _corpus(text: Path, tokens: Any) -> dict[str, Any]:
    digest = hashlib.sha256()
    for language in LANGUAGES:
        digest.update((text / f"{language}.txt").read_bytes())
    return {
        "source": "packaged detection text, neuron_sets/demo/text/detection",
        "sha256": digest.hexdigest(),
        "tokens": dict(zip(LANGUAGES, tokens.tolist(), strict=True)),
    }


def main(arguments: list[str]) -> None:
    """Detect and write; by default from the packaged model into the packaged folder."""
    model_dir = Path(arguments[0]) if arguments else demo_model_dir()
    out = Path(arguments[1]) if len(arguments) > 1 else packaged("neuron_sets")
    found = detect(model_dir, packaged("neuron_sets") / "demo" / "text" / "detection")
    found.save(out / ALL)
    for language in LANGUAGES:
        found.select(languages=[language]).save(out / f"{language}_ffn.pt")
        print(f"{language}: {found.count(language)} neurons")


if __name__ == "__main__":
    main(sys.argv[1:])
