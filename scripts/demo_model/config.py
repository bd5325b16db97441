"""Every number of the training recipe, in one place; the training record is this, written out."""

from dataclasses import dataclass

from .lexicon import LANGUAGES


@dataclass(frozen=True)
class Config:
    """What a training run is made of. The defaults are the run whose weights are shipped."""

    seed: int = 0
    """Seeds the initial weights and the order of the text. Tokenizer and neuron ownership do not depend on it."""
    steps: int = 7000
    """Optimiser steps. The run ends by this number and never by the clock."""
    threads: int = 1
    """CPU threads; the weights are the same bits again only with the same number on the same kind of machine."""
    planted: bool = True
    """False trains the natural variant: the same text and steps without any of the planting."""
    thin: str | None = None
    """A language that gets `thin_share` of its rows; the others share what it leaves. None trains all alike."""
    thin_share: float = 0.1
    """Share of a thin language's rows that are kept."""

    layers: int = 4
    hidden: int = 128
    feed_forward: int = 512
    heads: int = 4

    rate: float = 2.5e-3
    """AdamW's peak learning rate (embeddings and norms); it falls linearly to 0."""
    muon_factor: float = 5.0
    """Muon's rate (all matrices but the embedding) is this many times AdamW's."""
    weight_decay: float = 0.1
    """For the matrices under Muon."""
    warmup: int = 60
    """Steps over which the rate rises."""
    clip: float = 1.0
    """Largest norm of the gradient."""

    document_share: float = 0.75
    """Share of batches made of single documents of similar length; the others are packed rows."""
    documents_per_batch: int = 48
    packed_rows: int = 16
    packed_length: int = 128
    answer_weight: float = 4.0
    """Loss weight of an answer's tokens, against 1 for all others."""

    gate_weight: float = 0.3
    """Weight of the gate penalty."""
    gate_margin: float = 0.5
    """A planted gate should be above this on its own language and below its negative elsewhere."""
    interchange_share: float = 0.12
    """Share of document rows that begin in one language and are steered into another."""
    interchange_from: int = 120
    """First step with interchange rows; before it the running means are not settled."""
    mixture_share: float = 0.2
    """Share of document rows in which a language's own neurons are zeroed."""
    mixture_from: float = 0.65
    """Share of the steps after which mixture rows begin."""
    mean_decay: float = 0.95
    """How much of the running mean of a planted activation one step keeps."""

    def __post_init__(self) -> None:
        """Check what would otherwise fail after minutes."""
        if self.hidden % self.heads:
            raise ValueError(f"hidden size {self.hidden} is not a multiple of {self.heads} heads")
        if self.interchange_share + self.mixture_share > 1:
            raise ValueError("interchange and mixture rows together are more than all rows")
        if self.thin is not None and self.thin not in LANGUAGES:
            raise ValueError(f"{self.thin!r} is none of the model's languages, {', '.join(LANGUAGES)}")
