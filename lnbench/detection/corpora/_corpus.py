"""Text for detection: the corpus of a language, and batches of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench._near import hint
from lnbench.detection.corpora._sources import DOCUMENTS, HUB, check_source, documents_of, split_hub_name
from lnbench.errors import DataError, SpecError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Corpus:
    """Text of one language, read document by document.

    Raises:
        SpecError: the language is no label, or a setting is unknown.
    """

    language: str
    """Any label: ``zh``, ``zh-Hant``, ``culture:da``."""
    source: str
    """A text file, a file of JSON lines, a folder of both, or ``datasets:NAME:CONFIG:SPLIT:FIELD``."""
    document: str = "line"
    """What one document of a text file is: a ``line``, or the lines between two blank ones (``blank-line``)."""
    field: str = "text"
    """The field of JSON lines that holds the text."""
    texts: tuple[str, ...] | None = None
    """The documents themselves, where there is nothing to read."""

    def __post_init__(self) -> None:
        if not self.language or self.language != self.language.strip() or not self.language.isprintable():
            raise SpecError(f"{self.language!r} cannot be the label of a language; write LANG=SOURCE, as in zh=zh.txt")
        if not self.source:
            raise SpecError(f"the corpus of {self.language!r} names no source; write {self.language}=FILE")
        if self.document not in DOCUMENTS:
            meant = hint(self.document, DOCUMENTS)
            raise SpecError(f"a document cannot be a {self.document!r}; {meant}choose one of {', '.join(DOCUMENTS)}")
        if self.source.startswith(HUB):
            split_hub_name(self.source)

    @classmethod
    def parse(cls, text: str, document: str = "line", field: str = "text") -> Corpus:
        """The corpus that ``LANG=SOURCE`` names; nothing is opened yet.

        Raises:
            SpecError: the text has no ``=``, or a part of it cannot be.
        """
        language, equals, source = text.partition("=")
        if not equals:
            raise SpecError(f"the corpus {text!r} names no language; write LANG=SOURCE, as in zh=zh.txt")
        return cls(language, source, document, field)

    @classmethod
    def of(cls, language: str, texts: Iterable[str]) -> Corpus:
        """A corpus of documents that are at hand."""
        return cls(language, "memory", texts=tuple(texts))

    def check(self) -> None:
        """Refuse a corpus whose file or folder is not there; nothing is opened.

        Raises:
            DataError: there is none.
        """
        if self.texts is None:
            check_source(self.source)

    def documents(self) -> Iterator[str]:
        """The documents in order, blank ones left out; files are read as far as this is consumed.

        Raises:
            DataError: the source is missing, cannot be read, or is not what it should be.
        """
        if self.texts is not None:
            return (text for text in self.texts if text.strip())
        return documents_of(self.source, self.document, self.field)


def read_documents(path: Path) -> list[str]:
    """Documents of a UTF-8 text file, separated by blank lines.

    Raises:
        DataError: the file is missing, not UTF-8 or holds no text.
    """
    documents = list(documents_of(str(path), "blank-line", "text"))
    if not documents:
        raise DataError(f"the corpus {str(path)!r} holds no text; name a file with at least one document")
    return documents


def token_batches(
    tokenizer: Any, documents: Sequence[str], *, batch_size: int = 32, max_length: int = 512
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Right-padded batches ``(input_ids, attention_mask)``, int64 ``[batch, tokens]``; documents in order of length.

    Each document starts with what the tokenizer puts before a text; longer ones are cut at ``max_length`` tokens.
    """
    import torch

    rows = [tokenizer(document, truncation=True, max_length=max_length)["input_ids"] for document in documents]
    rows.sort(key=len)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        length = max(map(len, batch))
        ids = torch.tensor([row + [pad] * (length - len(row)) for row in batch])
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in batch])
        yield ids, mask
