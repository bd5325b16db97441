"""What the detection commands share: options about the model and the text, and the steps from these to tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench._faults import goes_on, is_out_of_memory
from lnbench._write import check_writable
from lnbench.errors import EngineError, OutputError, SpecError

if TYPE_CHECKING:
    from lnbench.detection import Corpus, RayRunner, ShardStore, TokenDocuments
    from lnbench.neurons import NeuronSet

Model = Annotated[str, typer.Option("--model", help="lnbench/demo, a folder or a name on the hub.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the hub.")]
Corpora = Annotated[
    list[str],
    typer.Option(
        "--corpus",
        help="LANG=SOURCE, once a language: a text file, .jsonl, a folder, or datasets:NAME:CONFIG:SPLIT:FIELD.",
    ),
]
Document = Annotated[str, typer.Option(help="What a document of a text file is: line or blank-line.")]
Field = Annotated[str, typer.Option(help="Field of JSON lines that holds the text.")]
Tokens = Annotated[str | None, typer.Option(help="Tokens of each language, as 500k or 1M; all the text if left out.")]
DocumentCount = Annotated[int | None, typer.Option("--documents", min=1, help="Documents of each language.")]
MaxLength = Annotated[int, typer.Option(min=1, help="Tokens of a document; what is longer is cut.")]
Order = Annotated[str, typer.Option(help="sequential or shuffled.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the shuffling and of the sampled tokens.")]
Unequal = Annotated[bool, typer.Option("--unequal", help="Do not cut languages to equal numbers of tokens.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16, float16 or auto (the checkpoint's own).")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ..., or auto (spread over what there is).")]
Out = Annotated[Path, typer.Option(help="The neuron set to write, .safetensors or .pt.")]
ResumeDir = Annotated[
    Path | None, typer.Option(help="Folder of what is done, removed at the end; beside the output if left out.")
]


#: Settings of a command that takes options which it does not list, such as a method's parameters.
FREE = {"allow_extra_args": True, "ignore_unknown_options": True}


def parameters(arguments: list[str]) -> dict[str, Any]:
    """``--top-rate 0.02 --which=top`` as ``{"top_rate": 0.02, "which": "top"}``.

    Raises:
        SpecError: something is no option, or an option has no value.
    """
    from lnbench.detection import parameter

    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for name, value in zip_longest(words[::2], words[1::2]):
        if not name.startswith("--") or value is None or value.startswith("--"):
            raise SpecError(f"{name!r} is no option with a value; write the method's parameters as in --top-rate 0.02")
    return {n[2:].replace("-", "_"): parameter(v) for n, v in zip(words[::2], words[1::2], strict=True)}


@dataclass(frozen=True)
class Text:
    """Which text, as it was typed."""

    corpora: list[str]
    document: str = "line"
    field: str = "text"
    tokens: str | None = None
    documents: int | None = None
    max_length: int = 512
    order: str = "sequential"
    seed: int = 0
    unequal: bool = False

    def parsed(self) -> list[Corpus]:
        """The corpora; nothing is opened.

        Raises:
            SpecError: one cannot be, or a data set without end has no bound.
        """
        from lnbench.detection import Corpus

        found = [Corpus.parse(text, self.document, self.field) for text in self.corpora]
        streamed = [corpus.source for corpus in found if corpus.source.startswith("datasets:")]
        if streamed and self.tokens is None and self.documents is None:
            raise SpecError(f"{streamed[0]!r} may have no end; say how much to read with --tokens or --documents")
        return found

    def read(self, tokenizer: Any, *, covered: bool = True) -> TokenDocuments:
        """Read and tokenize, with a bar, and count what the text covers; errors as in ``token_documents``.

        Args:
            tokenizer: the model's.
            covered: put the corpus table into the report, which goes into the header of a set.
        """
        from lnbench.detection import parse_amount, token_documents, with_coverage

        corpora = self.parsed()
        tokens = None if self.tokens is None else parse_amount(self.tokens)
        with bar("reading", None if tokens is None else tokens * len(corpora)) as advance:
            found = token_documents(
                tokenizer,
                corpora,
                tokens=tokens,
                documents=self.documents,
                max_length=self.max_length,
                order=self.order,
                seed=self.seed,
                equal=not self.unequal,
                done=lambda language, new: advance(language, new, False),
            )
        return with_coverage(tokenizer, found) if covered else found


@dataclass(frozen=True)
class Loaded:
    """A model with what a header and a store say of it."""

    model: Any
    name: str
    revision: str | None
    identity: str
    """The name, or the fingerprint of a local checkpoint's files."""
    device: str = "cpu"
    """Kind of the device that runs it."""

    @classmethod
    def load(cls, name: str, revision: str | None, dtype: str, device: str, max_length: int) -> Loaded:
        """Load the model and refuse documents that are too long for it.

        Raises:
            ModelArgumentError: there is no such model, dtype or device.
            SpecError: the model has fewer positions than ``max_length``.
        """
        from lnbench.models import commit_of, load_model, local_weights_fingerprint, model_location

        model = load_model(name, revision=revision, dtype=dtype, device=device)
        _refuse_long(model, max_length)
        place = Path(model_location(name))
        identity = f"local:{local_weights_fingerprint(place)}" if place.exists() else name
        return cls(model, name, commit_of(str(place), revision, model.config) or revision, identity, model.device.type)

    @classmethod
    def of(
        cls, runner: RayRunner | None, name: str, revision: str | None, dtype: str, device: str, max_length: int
    ) -> Loaded:
        """What the workers of a cluster have loaded, here without weights; without a cluster see :meth:`load`."""
        if runner is None:
            return cls.load(name, revision, dtype, device, max_length)
        _refuse_long(runner.model, max_length)
        found = runner.loaded
        local = (found.identity or "").startswith("local:")
        commit, identity = (None, str(found.identity)) if local else (found.identity, name)
        return cls(runner.model, name, commit or revision, identity, found.device)


def _refuse_long(model: Any, max_length: int) -> None:
    positions = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    if positions is not None and max_length > positions:
        raise SpecError(f"--max-length {max_length} is more than the model's {positions} positions; lower it")


def store_beside(path: Path, folder: Path | None, loaded: Loaded, documents: TokenDocuments, **key: Any) -> ShardStore:
    """The store of a pass, by default ``PATH.shards``, which only the same pass can go on with.

    Raises:
        OutputError: the folder holds another pass, cannot be written to, or another process is at work there.
    """
    from lnbench import __version__
    from lnbench.detection import ShardStore

    common = {
        "model": loaded.identity,
        "revision": loaded.revision,
        "dtype": str(loaded.model.dtype),
        "device": loaded.device,
        "corpus": documents.hash,
        "lnbench": __version__,
    }
    store = ShardStore(folder or path.with_name(f"{path.name}.shards"), {**common, **key})
    store.hold()
    goes_on("finished parts", store.folder)
    return store


def check_set_path(path: Path, *others: Path | None) -> None:
    """Refuse a neuron set that could not be written, or would take the place of another file, before hours of work.

    Args:
        path: where the set goes.
        others: what else the command reads or writes.

    Raises:
        OutputError: the suffix is neither ``.safetensors`` nor ``.pt``, the folder cannot be written to, or the path is
            one of the others.
    """
    check_writable(path)
    if any(other is not None and other.resolve() == path.resolve() for other in others):
        raise OutputError(
            f"the neuron set and what it is selected from are two files, not both {str(path)!r}; rename one"
        )
    if path.suffix not in (".safetensors", ".pt"):
        raise OutputError(f"a neuron set is a .safetensors or .pt file; call {str(path)!r} {path.name}.safetensors")


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[str, int, bool], None]]:
    """A bar over tokens with their rate and the time left; it is advanced by (language, tokens, resumed).

    Resumed tokens were done by an earlier process and do not count towards the rate. Warnings get lines of their own.
    """
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    options: Any = {"unit": "tok", "unit_scale": True, "dynamic_ncols": True}
    with logging_redirect_tqdm(), tqdm(total=total, desc=what, **options) as shown:

        def advance(language: str, tokens: int, resumed: bool) -> None:
            shown.set_postfix_str(language, refresh=False)
            if resumed and not shown.disable:  # by TQDM_DISABLE
                shown.initial += tokens
            shown.update(tokens)

        yield advance


@contextmanager
def memory_in_one_sentence(batch_size: int) -> Iterator[None]:
    """Say what to do when a device runs out of memory.

    Raises:
        EngineError: it did.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise EngineError(f"there is no memory for batches of {batch_size}; lower --batch-size") from error


def save_set(path: Path, neurons: NeuronSet) -> None:
    """Save, and print what `lnbench neurons show` prints, and how many neurons each language has in each layer."""
    from tabulate import tabulate

    from lnbench.cli._neurons_show import show
    from lnbench.neurons import summary

    neurons.save(path)
    show(str(path), as_json=False)
    counts = summary(neurons)["counts"]["language_layer"]
    rows = [[layer, *(counts[language][layer] for language in neurons.languages)] for layer in range(neurons.layers)]
    print()
    print(tabulate(rows, headers=["layer", *neurons.languages], tablefmt="plain"))
