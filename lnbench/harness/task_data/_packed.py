"""The documents of the tasks on packed text, and their scores: the same text as the ``ppl`` tasks, cut into blocks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lnbench.errors import TaskError
from lnbench.harness import _packing
from lnbench.harness.task_data import _record
from lnbench.harness.task_data._demo import text_rows
from lnbench.harness.task_data._loading import load
from lnbench.harness.task_data._own import TEXT
from lnbench.languages import language

if TYPE_CHECKING:
    from datasets import Dataset


def packed(
    *,
    lnbench_lang: str,
    lnbench_file: str | None = None,
    lnbench_block: int | None = None,
    lnbench_usual_block: int = _packing.LONGEST,
    lnbench_data: dict[str, Any] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    **_ignored: Any,
) -> dict[str, Dataset]:
    """Blocks of one's own text (that of the ``ppl`` task), or of a packaged text.

    Args:
        lnbench_lang: code of the language.
        lnbench_file: path below the packaged folder ``neuron_sets``; left out: one's own text.
        lnbench_block: tokens of a block; left out: ``lnbench_usual_block``, at most the model's window.
        lnbench_data: filled with rows, checksum and source of the text, and with its blocks, for the results.
        data_dir: as for :func:`lnbench.harness.task_data.text`.

    Raises:
        DataError: as for :func:`lnbench.harness.task_data.text`; no model is made; the text does not fill one block.
    """
    from datasets import Dataset

    row = language(lnbench_lang)
    task = f"lnbench_packed_{row.slug}" if lnbench_file is None else f"lnbench_demo_packed_{row.slug}"
    if lnbench_file is None:
        found = load(TEXT, row, task, data_dir, None)
        rows, source = found.rows, found.source
    else:
        rows, source = text_rows(lnbench_file)
    made = _packing.pack([one["text"] for one in rows], row.code, lnbench_block, lnbench_usual_block)
    cut = {"block": made.block, "blocks": len(made.documents), "tokens": made.tokens}
    _record.keep(task, _record.of(rows, source) | cut, lnbench_data)
    return {"test": Dataset.from_list(made.documents)}


def packed_scores(document: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
    """The ``process_results`` of packed text.

    Returns:
        ``nats_per_token``: mean over the predicted tokens of the block; ``bits_per_byte``: the pair (log-likelihood in
        nats, bytes of the predicted tokens), which lm-eval divides over all blocks.

    Raises:
        TaskError: another model than lnbench's answered, which has scored something else.
    """
    answer = next(iter(results), None)
    if not isinstance(answer, tuple | list) or len(answer) != 2 or answer[1] != document["predicted"]:
        raise TaskError("packed text is scored by lnbench's model only; run the task with --model lnbench")
    return {"nats_per_token": -answer[0] / answer[1], "bits_per_byte": (answer[0], document["bytes"])}
