"""An exported folder gives lm-eval's own `hf` model the scores that `lnbench` has with the mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM

from lnbench.harness import LnbenchLM
from lnbench.models import export, open_checkpoint
from lnbench.studies import demo_tasks

PLACE = {"device": "cpu", "dtype": "float32", "batch_size": 8}


def scores(lm: Any) -> dict[str, Any]:
    found = evaluate(lm, dict(demo_tasks(["mc", "summ"], ["zh"])), limit=6, bootstrap_iters=0, log_samples=True)
    kept = {"filtered_resps", "doc_id"}
    samples = {task: [{k: s[k] for k in kept} for s in rows] for task, rows in found["samples"].items()}
    metrics = {task: {k: v for k, v in row.items() if k != "alias"} for task, row in found["results"].items()}
    return {"results": metrics, "samples": samples}


@pytest.mark.parametrize("spec", ["zero", "scale:0.5"])
def test_the_same_scores(spec: str, tmp_path: Path) -> None:
    lm = LnbenchLM(mask="zh_ffn.pt", spec=spec, engine="fold", **PLACE)
    assert lm.plan is not None
    with_mask = scores(lm)
    folder = export(open_checkpoint("lnbench/demo"), lm.plan, tmp_path / "out")
    lm.set_plan(None)
    assert scores(HFLM(pretrained=str(folder), **PLACE)) == with_mask
    assert scores(lm)["samples"] != with_mask["samples"] or spec != "zero"
