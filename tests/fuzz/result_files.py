"""Results: what lm-eval writes, the store of a study, bundles, baselines, tables, truths and tuning results."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz.formats import of_json, of_json_lines
from tests.fuzz.parsers import Parser
from tests.leaderboard.conftest import Writer, plan

TASK, DATE = "lnbench_toy_zh", "2026-01-01T00-00-01.000000"
RESULTS, SAMPLES = f"results_{DATE}.json", f"samples_{TASK}_{DATE}.jsonl"


@cache
def written() -> dict[str, bytes]:
    """One run of lm-eval with two documents, in the original and with neurons ablated."""
    answers = {"zh": [(1.0, "猫", "zh"), (0.0, "chat", None)]}
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder))
        original = writer.run(answers).read_bytes()
        samples = (Path(folder) / SAMPLES).read_bytes()
        specific = json.loads(writer.run(answers, plan("zh", None)).read_bytes())
        random = json.loads(writer.run(answers, plan("zh", 3)).read_bytes())
    specific["config"]["lnbench"]["delta"] = {"condition": "specific", "documents": 100, "language": "zh", "seed": 0}
    random["config"]["lnbench"]["neurons"] = 7
    return {
        "original": original,
        "specific": json.dumps(specific).encode(),
        "random": json.dumps(random).encode(),
        "samples": samples,
    }


def beside(name: str, content: str) -> Any:
    def prepare(folder: Path) -> None:
        (folder / name).write_bytes(written()[content])

    return prepare


def results(path: Path) -> Any:
    """Results that were read have a score, or none, for every document."""
    from lnbench.reporting.reading import read_results

    found = read_results(path.parent)
    assert all(len(entry.scores) == len(entry.documents) for entry in found)
    return found


# --- the store of a study

CELL = "a" * 24


def manifest() -> dict[str, Any]:
    role = {"condition": "specific", "ablated": "zh", "seed": None, "repeat": 0, "model": "org/model", "dataset": "toy"}
    role |= {"language": "zh", "spec": {"steps": [{"op": "zero"}], "lang": ["zh"]}, "tuned": None}
    recorded = {"lnbench": "0.1.0", "seconds": 1.5, "started": "2026-01-01T00:00:00+00:00"}
    files = {"results": ["results.json", None], "samples": {TASK: ["samples.jsonl", None]}}
    cell = {"task": TASK, "limit": 2}
    return {"schema": "1.0", "id": CELL, "role": role, "cell": cell, "recorded": recorded, "files": files}


def store(folder: Path) -> None:
    (folder / "cells" / CELL).mkdir(parents=True, exist_ok=True)
    (folder / "cells" / CELL / "results.json").write_bytes(written()["original"])
    (folder / "cells" / CELL / "samples.jsonl").write_bytes(written()["samples"])


def finished_store(folder: Path) -> None:
    store(folder)
    (folder / "cells" / CELL / "manifest.json").write_text(json.dumps(manifest()))


def cell(path: Path) -> None:
    """A cell, as the study's runner and as the tables read it."""
    from lnbench.studies._store import Store

    folder = path.parents[2]
    kept = Store(folder)
    kept.finished()
    kept.failed()
    results(folder / "cells")


def failed(path: Path) -> None:
    from lnbench.errors import DataError
    from lnbench.reporting.reading import read_results
    from lnbench.studies._store import Store

    Store(path.parents[2]).failed()
    try:
        read_results(path.parents[2])
    except DataError as error:
        if "holds no results" not in str(error):
            raise


def study_json(path: Path) -> None:
    from lnbench.reporting.reading import read_results
    from lnbench.studies._store import Store

    Store(path.parent).check("a-study", writing=False)
    read_results(path.parent)


FAILED = {"schema": "1.0", "id": CELL, "role": manifest()["role"], "cell": {"task": TASK}, "error": "out of memory"}
ABOUT = {"schema": "1.0", "name": "a-study", "lnbench": "0.1.0", "study": {"name": "a-study", "neurons": ["a.pt"]}}
ABOUT |= {"missing": [{"dataset": "mgsm", "language": "zh"}], "absent": [{"condition": "half", "sites": ["attn.q"]}]}


# --- what is published


@cache
def bundle_file() -> bytes:
    from lnbench.reporting.leaderboard import make_bundle
    from lnbench.reporting.leaderboard._files import as_text

    with tempfile.TemporaryDirectory() as folder:
        Writer(Path(folder), documents=2).experiment(seeds=1)
        return as_text(make_bundle(Path(folder), "input", contributor="someone", samples=1)).encode()


def bundle(path: Path) -> None:
    from lnbench.reporting.leaderboard._files import read_bundle
    from lnbench.reporting.leaderboard._sources import of_bundle

    made = of_bundle(read_bundle(path), path)
    assert made.model and made.results.models == (made.model,)


PUBLISHED = {
    "schema": "1.0", "name": "input", "title": "Table 1", "source": "a paper", "dataset": "xlsum", "languages": ["en",
    "zh"],
    "rows": [{"model": "org/m", "condition": "original", "values": ["10.0", "20.0"], "average": "15.0"}],
}  # fmt: skip


def published(path: Path) -> None:
    from lnbench.reporting.leaderboard._published import read_published, render_published

    for table in read_published(path.parent):
        for form in ("terminal", "markdown", "csv", "json", "latex"):
            assert render_published(table, form)


@cache
def baseline_file() -> bytes:
    from lnbench.reporting.checking import baseline_of, write_baseline
    from lnbench.reporting.reading import read_results

    with tempfile.TemporaryDirectory() as folder:
        Writer(Path(folder) / "a", documents=2).experiment(seeds=1)
        write_baseline(baseline_of([read_results(Path(folder) / "a")]), Path(folder) / "b.json")
        return (Path(folder) / "b.json").read_bytes()


def baseline(path: Path) -> None:
    """A baseline that was read can be compared with itself."""
    from lnbench.reporting.checking._baseline import read_baseline
    from lnbench.reporting.checking._join import find_differences, join

    cells = read_baseline(path).cells
    assert find_differences(cells, cells, join(cells, cells), {}) is not None


@cache
def table_file() -> bytes:
    from lnbench.reporting.reading import read_results
    from lnbench.reporting.tables import standard_tables

    with tempfile.TemporaryDirectory() as folder:
        Writer(Path(folder), documents=2).experiment(seeds=1)
        return json.dumps(standard_tables(read_results(Path(folder)))[0].as_json()).encode()


def table(path: Path) -> None:
    from lnbench.reporting.leaderboard._verify import read_table

    assert read_table(path).rows is not None


def responses(path: Path) -> None:
    """As ``lnbench fidelity`` reads answers of any making."""
    from lnbench.scoring import read_responses

    for response in read_responses(path):
        assert isinstance(response.text, str) and response.expect


RESPONSES = (
    b'{"doc": {"lang": "zh"}, "arguments": {"gen_args_0": {"arg_0": "q"}}, "resps": [["\xe7\x8c\xab"]]}\n'
    b'{"text": "a", "doc.lang": "en"}\n',
    b'{"response": "a b", "prompt": "c", "doc": {"lang": "zh-Hant"}}\n',
)  # fmt: skip


def truth(path: Path) -> None:
    from lnbench.detection import Truth

    found = Truth.load(path)
    assert all(layer >= 0 and index >= 0 for each in found.neurons.values() for layer, index in each)


TRUTH = b'{"site": "ffn.act", "neurons": {"en": {"1": [168, 3]}, "zh": {"0": []}}, "model": "lnbench/demo"}'


def json_of(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def parsers() -> Iterator[Parser]:
    run = written
    tokens = (
        b"results",
        b"configs",
        b"config",
        b"lnbench",
        b"plan",
        b"exact_match,none",
        b"none",
        b"NaN",
        b'"steps"',
        b"null",
    )
    yield Parser(
        "results JSON", RESULTS, lambda: of_json(run()["original"], run()["specific"], run()["random"], tokens=tokens),
        results,
        named="fuzz-", prepare=beside(SAMPLES, "samples"),
    )  # fmt: skip
    yield Parser(
        "samples JSONL", SAMPLES, lambda: of_json_lines(run()["samples"]), results, named="fuzz-",
        prepare=beside(RESULTS, "original")
    )  # fmt: skip
    at = f"cells/{CELL}/"
    yield Parser(
        "cell manifests", f"{at}manifest.json", lambda: of_json(json_of(manifest())), cell, named=CELL, prepare=store
    )
    yield Parser(
        "failed cells", f"{at}failed.json", lambda: of_json(json_of(FAILED)), failed, named=CELL, prepare=store
    )
    yield Parser(
        "study.json", "study.json", lambda: of_json(json_of(ABOUT)), study_json, named="fuzz-", prepare=finished_store
    )
    yield Parser("bundles", "input.json", lambda: of_json(bundle_file()), bundle)
    yield Parser("published tables", "input.json", lambda: of_json(json_of(PUBLISHED)), published)
    yield Parser("baselines", "input.json", lambda: of_json(baseline_file()), baseline)
    yield Parser("tables JSON", "input.json", lambda: of_json(table_file()), table, named="fuzz-")
    yield Parser("responses JSONL", "input.jsonl", lambda: of_json_lines(*RESPONSES), responses, named="fuzz-")
    yield Parser("truth JSON", "input.json", lambda: of_json(TRUTH), truth)
