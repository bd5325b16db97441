"""Text for detection: documents in a file, and batches of their tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.errors import DataError

if TYPE_CHECKING:
    import torch


def read_documents(path: Path) -> list[str]:
    """Documents of a UTF-8 text file, separated by blank lines.

    Raises:
        DataError: the file is missing, not UTF-8 or holds no text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(
            f"no corpus at {str(path)!r}; name a UTF-8 text file with blank lines between documents"
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(f"the corpus {str(path)!r} is not UTF-8 ({error.reason}); convert it with iconv") from None
    documents = [document for part in re.split(r"\n\s*\n", text) if (document := part.strip("\n"))]
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
