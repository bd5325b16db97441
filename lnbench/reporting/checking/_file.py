"""The file of expectations and tolerances: YAML, read without constructing anything, every refusal with its line.

tolerance: 2 points                       # how far a score may fall; 2 points or 2 % when left out
significance: 0.05
metrics: [exact_match, fidelity]          # only these are checked; all when left out
rules:                                    # exceptions; the last that fits counts
  - {language: sw, task: mgsm, tolerance: 4 points}
expect:
  - zh summaries: specific drop > random drop
  - fidelity >= 0.9
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from lnbench import _yaml
from lnbench._near import nearest
from lnbench.errors import DataError
from lnbench.reporting.checking._grammar import Expectation, GrammarError, parse
from lnbench.reporting.checking._settings import Amount, Rule, Settings
from lnbench.reporting.checking._words import Words

__all__ = ["ExpectFile"]

_T = TypeVar("_T")
_KEYS = ("tolerance", "significance", "metrics", "rules", "expect")
_RULE = ("metric", "language", "condition", "task", "tolerance", "significance")


@dataclass(frozen=True, eq=False)
class ExpectFile:
    """A file whose YAML is readable; its words are understood once the results are known.

    Attributes:
        path: the file.
        keys: key -> its node.
    """

    path: Path
    keys: dict[str, yaml.Node]

    @classmethod
    def read(cls, path: Path) -> ExpectFile:
        """Read the file.

        Raises:
            DataError: it cannot be read, is no YAML, or has an unknown key.
        """
        try:
            root = _yaml.composed(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(
                f"the expectations {str(path)!r} cannot be read: {error.strerror}; check the path"
            ) from error
        except UnicodeDecodeError as error:
            raise DataError(f"the expectations {str(path)!r} are no UTF-8 text; save them as UTF-8") from error
        except _yaml.UnreadableYaml as error:
            line = f", line {error.line}" if error.line else ""
            raise DataError(f"{path}{line}: not readable YAML ({error.problem}); correct it there") from error
        if root is None:
            raise DataError(f"{path} is empty; write what you expect below expect:, see docs/check.md")
        empty = cls(path, {})
        return cls(path, empty.mapping(root, _KEYS, "the file"))

    def settings(self, words: Words) -> Settings:
        """Tolerances and levels.

        Raises:
            DataError: a value that is none, or a word that the results do not know.
        """
        rules = self.keys.get("rules")
        metrics = self.keys.get("metrics")
        return Settings(
            self._optional(self.keys, "tolerance", self._tolerance),
            self._optional(self.keys, "significance", self._level) or Settings.significance,
            frozenset(self._metric(one, words) for one in self.items(metrics, "metrics")) if metrics else frozenset(),
            tuple(self._rule(one, words) for one in self.items(rules, "rules")) if rules else (),
        )

    def expectations(self, words: Words) -> list[Expectation]:
        """The sentences, understood.

        Raises:
            DataError: a sentence that cannot be understood.
        """
        node = self.keys.get("expect")
        found = []
        for item in self.items(node, "expect") if node else []:
            try:
                found.append(parse(self._sentence(item), words))
            except GrammarError as error:
                self.refuse(item, str(error))
        return found

    def refuse(self, node: yaml.Node, sentence: str) -> NoReturn:
        """Refuse with file and line."""
        raise DataError(f"{self.path}, line {node.start_mark.line + 1}: {sentence}") from None

    def mapping(self, node: yaml.Node, known: Iterable[str], where: str) -> dict[str, yaml.Node]:
        """The keys of a mapping, all known and none twice."""
        if not isinstance(node, yaml.MappingNode):
            self.refuse(node, f"{where} holds no keys; write one of {', '.join(known)}")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.text(key, "a key")
            if name not in known:
                self.refuse(key, f"{name!r} is no key of {where}; {nearest(name, known, all_of='there are')}")
            if name in found:
                self.refuse(key, f"the key {name!r} stands twice; keep one")
            found[name] = value
        return found

    def items(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """The items of a list; one that stands alone is a list of one."""
        if isinstance(node, yaml.ScalarNode) and node.value:
            return [node]
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(node, f"{where} is no list; begin every entry with '- '")
        return list(node.value)

    def text(self, node: yaml.Node, where: str) -> str:
        """A scalar as it is written: ``no`` is Norwegian here."""
        if not isinstance(node, yaml.ScalarNode):
            self.refuse(node, f"{where} is no plain text; write it on one line")
        return str(node.value).strip()

    def _sentence(self, node: yaml.Node) -> str:
        """Unquoted, ``zh: specific drop > 2 points`` is a mapping to YAML."""
        if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            key, value = node.value[0]
            return f"{self.text(key, 'an expectation')}: {self.text(value, 'an expectation')}"
        return self.text(node, "an expectation")

    def _rule(self, node: yaml.Node, words: Words) -> Rule:
        keys = self.mapping(node, _RULE, "a rule")
        if not {"tolerance", "significance"} & keys.keys():
            self.refuse(node, "the rule sets nothing; add tolerance: or significance:")
        return Rule(
            self._optional(keys, "metric", lambda one: self._metric(one, words)),
            self._optional(keys, "language", lambda one: self._among(one, words.languages, "language", words)),
            self._optional(keys, "condition", lambda one: self._among(one, words.conditions, "condition", words)),
            words.tasks[self._among(keys["task"], words.tasks, "task", words)] if "task" in keys else frozenset(),
            self._optional(keys, "tolerance", self._tolerance),
            self._optional(keys, "significance", self._level),
        )

    def _optional(self, keys: dict[str, yaml.Node], name: str, read: Callable[[yaml.Node], _T]) -> _T | None:
        return read(keys[name]) if name in keys else None

    def _metric(self, node: yaml.Node, words: Words) -> str:
        return words.metrics[self._among(node, words.metrics, "metric", words)]

    def _among(self, node: yaml.Node, known: Iterable[str], kind: str, words: Words) -> str:
        name = self.text(node, f"a {kind}")
        if name not in set(known):
            self.refuse(node, f"{name!r} is no {kind} of these results; {words.nearest(name, known)}")
        return name

    def _tolerance(self, node: yaml.Node) -> Amount:
        text = self.text(node, "a tolerance")
        return Amount.parse(text) or self.refuse(node, f"{text!r} is no tolerance; write 2 points, 5 % or 0.02")

    def _level(self, node: yaml.Node) -> float:
        text = self.text(node, "a significance level")
        try:
            found = float(text)
        except ValueError:
            found = 0.0
        if not 0 < found < 1:
            self.refuse(node, f"{text!r} is no significance level; write a number between 0 and 1, such as 0.05")
        return found
