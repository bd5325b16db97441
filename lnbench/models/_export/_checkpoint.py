"""A checkpoint that is not loaded: its config as a model without weights, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lnbench import _json
from lnbench._paths import at_home
from lnbench.errors import EngineError, ModelArgumentError
from lnbench.models._export._record import PLAN_FILE
from lnbench.models._export._stored import INDEX, SINGLE, Stored
from lnbench.models._load import commit_of, model_location, unloadable_in_one_sentence
from lnbench.models._shape import load_config, shell_of
from lnbench.models._sitemap import SiteMap, site_map
from lnbench.neurons import Architecture

#: What goes along with the weights, by suffix or by the beginning of the name.
_SMALL = (".json", ".txt", ".model", ".jinja", ".tiktoken", ".spm", ".vocab", ".bpe", ".py")
_LICENCES = ("*LICENSE*", "*LICENCE*", "*NOTICE*", "*USE_POLICY*", "*COPYING*")
_NAMED = ("license", "licence", "notice", "use_policy", "copying")
README = "README.md"
_NOT = (README, PLAN_FILE, "trainer_state.json")
_FOLDERS = ("additional_chat_templates", "chat_templates")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint in a folder or on the hub; make one with :func:`open_checkpoint`."""

    name: str
    """As it was asked for."""
    location: str
    revision: str | None
    """The commit of one on the hub."""
    model: Any
    """The model on the meta device: modules, shapes and config, no values."""
    sites: SiteMap

    @property
    def architecture(self) -> Architecture:
        """Layers and site widths, for :func:`lnbench.models.compile_plan`."""
        return self.sites.architecture

    @cached_property
    def folder(self) -> Path:
        """The folder with its files; those of the hub are fetched now, the weights last.

        Raises:
            ModelArgumentError: they cannot be had.
        """
        local = at_home(self.location)
        if local.is_dir():
            return local
        with unloadable_in_one_sentence(self.name, "checkpoint"):
            folder = self._fetched([f"*{suffix}" for suffix in _SMALL] + [*_LICENCES, README, SINGLE])
            if (stored := Stored.find(folder)) is not None and stored.sharded:
                self._fetched(_names_in(folder / INDEX))
        return folder

    def _fetched(self, patterns: list[str]) -> Path:
        """The snapshot's folder in the hub's cache, with the files of these patterns."""
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(self.location, revision=self.revision, allow_patterns=patterns))

    @cached_property
    def stored(self) -> Stored | None:
        """The safetensors files, or None where the weights are of another kind (or named by the config)."""
        named = getattr(self.model.config, "transformers_weights", None)
        return None if named else Stored.find(self.folder)

    @property
    def beside(self) -> list[Path]:
        """Tokenizer, generation config, chat templates, licence: the small files that go along, config among them."""
        files = [path for path in sorted(self.folder.iterdir()) if path.is_file() and _goes_along(path.name)]
        inside = [path for name in _FOLDERS for path in sorted((self.folder / name).glob("*")) if path.is_file()]
        return files + inside

    @cached_property
    def earlier(self) -> dict[str, Any] | None:
        """The record of the export that this checkpoint itself is, or None."""
        path = self.folder / PLAN_FILE
        if not path.is_file():
            return None
        try:
            record = _json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            record = None
        if not isinstance(record, dict):
            raise ModelArgumentError(f"{path} is no record of an export; remove it if the checkpoint is not an export")
        return record


def open_checkpoint(name: str, *, revision: str | None = None) -> Checkpoint:
    """Read a checkpoint's config, and nothing else.

    Args:
        name: ``lnbench/demo``, a folder or a name on the hub.
        revision: branch, tag or commit on the hub.

    Raises:
        EngineError: its weights are quantised, so that no edit can be written into them.
        ModelArgumentError: there is no such model, or it is an adapter.
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    location = model_location(name)
    if (at_home(location) / "adapter_config.json").is_file():
        raise ModelArgumentError(
            f"{name!r} is an adapter (it holds adapter_config.json); merge it into its model with merge_and_unload(), "
            "save that, and export it"
        )
    config = load_config(name, revision=revision)
    method = _quantised(config)
    if method is not None:
        raise EngineError(
            f"the checkpoint {name!r} is quantised ({method}), and packed weights cannot hold an edit; export from the "
            "unquantised model, or run the plan with engine=hook"
        )
    model = shell_of(name, config)
    commit = commit_of(location, revision, config) or (None if at_home(location).is_dir() else revision)
    return Checkpoint(name, location, commit, model.eval(), site_map(model))


def _quantised(config: Any) -> str | None:
    """How a checkpoint's weights are packed, or None."""
    for part in (config, config.get_text_config(decoder=True)):
        given = getattr(part, "quantization_config", None) or getattr(part, "compression_config", None)
        if given:
            method = given.get("quant_method") if isinstance(given, dict) else getattr(given, "quant_method", None)
            return str(getattr(method, "value", method) or "by an unnamed method")
    return None


def _goes_along(name: str) -> bool:
    lower = name.lower()
    if name in _NOT or lower.endswith(".index.json") or lower.startswith(("adapter_", ".")):
        return False
    return lower.endswith(_SMALL) or lower.startswith(_NAMED)


def _names_in(index: Path) -> list[str]:
    try:
        return sorted(set(_json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelArgumentError(f"{index} is no index of a checkpoint; download it again") from None
