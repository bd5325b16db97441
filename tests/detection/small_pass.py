"""The documents and shards of test_on_ray.py, the same in the process of the cluster and in that of the test."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer

from lnbench._data import demo_model_dir, packaged
from lnbench.detection import Corpus, TokenDocuments, _batches, token_documents
from lnbench.detection.plnd import Settings

LANGUAGES = ("en", "zh", "fr")
SETTINGS = Settings(("ffn.hidden",), "output", None)


def small_shards() -> None:
    """Cut a language into four shards or so."""
    _batches.SHARD_TOKENS = 300


def documents(folder: Path) -> TokenDocuments:
    text = packaged("neuron_sets") / "demo" / "text" / "detection"
    corpora = [Corpus(code, str(text / f"{code}.txt"), document="blank-line") for code in LANGUAGES]
    return token_documents(AutoTokenizer.from_pretrained(demo_model_dir()), corpora, tokens=1200)
