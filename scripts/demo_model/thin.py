"""Put a trained thin run where tests find it: `tests/thin_model/`.

Run: `python -m scripts.demo_model.thin build/demo_model/thin-sw-seed0` (`make thin-model` trains it first).

A thin run is the embedded model's recipe with one language kept to a tenth of its rows: a model that has something left
to learn, which neuron-specific tuning needs. Written are the model with its tokenizer, `run.json` (recipe and record)
and `SHA256SUMS`.
"""

import argparse
import hashlib
import os
import shutil
from pathlib import Path

from .install import MODEL_FILES
from .tokenizer import MODEL_DIR

THIN = Path(__file__).resolve().parents[2] / "tests" / "thin_model"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def checksums(directory: Path) -> str:
    """Return the lines of `SHA256SUMS`."""
    names = sorted([*MODEL_FILES, *TOKENIZER_FILES, "run.json"])
    return "".join(f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


def install(run: Path, directory: Path = THIN) -> None:
    """Copy the model and the record, and link the frozen tokenizer, of which there is one in the repository."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in MODEL_FILES:
        shutil.copyfile(run / "model" / name, directory / name)
    for name in TOKENIZER_FILES:
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to(os.path.relpath(MODEL_DIR / name, directory))
    shutil.copyfile(run / "run.json", directory / "run.json")
    (directory / "SHA256SUMS").write_text(checksums(directory), encoding="utf-8")


def main() -> None:
    """Read the command line and install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run directory of the thin model")
    install(parser.parse_args().run)


if __name__ == "__main__":
    main()
