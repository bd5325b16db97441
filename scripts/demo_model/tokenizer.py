# ruff: noqa: S311 - seeded pseudo-random numbers are the point: the same seed gives the same text
"""The tokenizer of the embedded model: a byte-level BPE of 2048 tokens, built once and then frozen.

Digits and Chinese characters always stand alone, and a word takes the space before it. So text may be cut before any
space, digit or Chinese character, and both halves give the tokens of the whole: prompts and answers are cut there.

The token `</s>` ends a document and begins the next. A post-processor puts it in front of every encoded prompt, as in
training; an evaluation harness needs no option for that.

Run once: `python -m scripts.demo_model.tokenizer`. A second run could order the vocabulary differently, and weights
trained on the first would then be noise; so an existing file is never overwritten.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from .grammar import TRAINING_MIX, document, draw_kind
from .lexicon import LANGUAGES

MODEL_DIR = Path(__file__).parents[2] / "neuron_sets" / "demo" / "model"
VOCABULARY = 2048
END, PAD = "</s>", "<pad>"
PAD_ID, END_ID = 0, 1
DOCUMENTS_PER_LANGUAGE = 3000
MAX_LENGTH = 1024


def corpus() -> Iterator[str]:
    """Yield the training documents that the merges are counted on."""
    rng = random.Random(0)
    for _ in range(DOCUMENTS_PER_LANGUAGE):
        for language in LANGUAGES:
            yield document(language, draw_kind(TRAINING_MIX, rng), rng).text


def build() -> Tokenizer:
    """Train the BPE and give it the post-processor that begins every prompt with `</s>`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("[\u4e00-\u9fff]"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[PAD, END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{END} $A", pair=f"{END} $A {END} $B", special_tokens=[(END, END_ID)]
    )
    return tokenizer


def load(directory: Path = MODEL_DIR) -> PreTrainedTokenizerFast:
    """Load the frozen tokenizer."""
    return AutoTokenizer.from_pretrained(directory)


def main() -> None:
    """Build the tokenizer and freeze it.

    Raises:
        SystemExit: a frozen tokenizer is already there.
    """
    if (MODEL_DIR / "tokenizer.json").exists():
        raise SystemExit(f"{MODEL_DIR / 'tokenizer.json'} is frozen; delete it only together with the weights")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=build(),
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=MAX_LENGTH,
    )
    fast.save_pretrained(MODEL_DIR)
    # The generic class name is read by every release of transformers; the one that is written here only by the newest.
    path = MODEL_DIR / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings.pop("backend", None)
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
