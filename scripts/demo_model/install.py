"""Put a trained and measured run where the package ships it from: `neuron_sets/demo/`.

Run: `python -m scripts.demo_model.install build/demo_model/planted-seed0 --also build/demo_model/natural-seed0 ...`

Each run directory holds `run.json` (from `train`) and, once it is measured, `results.json` (from `evaluate`). Written
are the model, `planted.json` (the truth), `training.json` (recipe, record, measurements; those of other runs beside
it) and `SHA256SUMS`.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from .measure import DEMO
from .planting import NEURONS_PER_LANGUAGE, OWNERSHIP_SEED, PLANTED_LAYERS, planted_neurons

MODEL_FILES = ("config.json", "generation_config.json", "model.safetensors")


def planted_record(width: int) -> dict[str, Any]:
    """Return the content of `planted.json`: which neurons carry which language, and how they came to."""
    neurons = {
        language: {str(layer): indices for layer, indices in by_layer.items()}
        for language, by_layer in planted_neurons(width).items()
    }
    return {
        "about": "lnbench/demo is a planted positive control: it was trained so that these neurons carry each language",
        "site": "ffn.act",
        "layers": list(PLANTED_LAYERS),
        "neurons_per_language_and_layer": NEURONS_PER_LANGUAGE,
        "ownership_seed": OWNERSHIP_SEED,
        "planted_with": ["gate penalty", "interchange rows", "mixture rows"],
        "recipe": "training.json",
        "neurons": neurons,
    }


def training_record(run: Path, others: list[Path]) -> dict[str, Any]:
    """Return the content of `training.json`; runs that are recorded there and not given again stay."""
    record = DEMO / "training.json"
    known = _read(record).get("other_runs", {}) if record.exists() else {}
    return {
        "command": "python -m scripts.demo_model.train",
        **_run(run),
        "other_runs": {**known, **{other.name: _run(other) for other in others}},
    }


def _run(directory: Path) -> dict[str, Any]:
    results = directory / "results.json"
    return {**_read(directory / "run.json"), "measured": _read(results) if results.exists() else None}


def checksums(directory: Path) -> str:
    """Return the lines of `SHA256SUMS`: the model, its text, and its two records."""
    folders = [path for part in ("model", "text") for path in (directory / part).rglob("*") if path.is_file()]
    paths = sorted([*folders, directory / "planted.json", directory / "training.json"])
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(directory).as_posix()}\n" for path in paths
    )


def install(run: Path, others: list[Path], directory: Path = DEMO) -> None:
    """Copy the model and write the records."""
    for name in MODEL_FILES:
        shutil.copyfile(run / "model" / name, directory / "model" / name)
    width = _read(run / "model" / "config.json")["intermediate_size"]
    _write(directory / "planted.json", planted_record(width))
    _write(directory / "training.json", training_record(run, others))
    (directory / "SHA256SUMS").write_text(checksums(directory), encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run directory of the model to ship")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="run directories to record beside it")
    arguments = parser.parse_args()
    install(arguments.run, arguments.also)


if __name__ == "__main__":
    main()
