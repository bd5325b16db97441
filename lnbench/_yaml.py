"""YAML of others: read safely, with a bound on its depth and size, and refused in one way whatever is wrong with it.

PyYAML's safe loader runs nothing, but raises much besides its own errors: on dates, numbers and tags that only look
right (``2001-99-99``, ``0x_``, ``!!bool x``), and on nesting that is deeper than Python's stack.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from lnbench._json import is_whole

#: Deeper nesting and more keys and values (an alias counts as what it stands for) than a hand-written file has.
MOST_LEVELS, MOST_ENTRIES = 100, 10_000
#: Bits of a whole number: Python turns a larger one into digits slowly, or not at all.
_MOST_BITS = 64


class UnreadableYaml(Exception):
    """Why a text is no YAML that is read: the problem in words, and the line (from 1) where it is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, line


class _Loader(yaml.SafeLoader):
    """Safe YAML without deep nesting and endless lists, and without the silent rule that the later of two keys wins."""

    entries = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.entries += 1
        if self.entries > MOST_ENTRIES:
            raise yaml.composer.ComposerError(None, None, "too many entries", self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        self._refuse_depth(self.flow_level)
        super().fetch_flow_collection_start(TokenClass)

    def add_indent(self, column: int) -> bool:
        self._refuse_depth(len(self.indents))
        return bool(super().add_indent(column))

    def _refuse_depth(self, level: int) -> None:
        if level >= MOST_LEVELS:
            raise yaml.scanner.ScannerError(None, None, "it is nested too deep", self.get_mark())

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        number = int(super().construct_yaml_int(node))
        if number.bit_length() > _MOST_BITS:
            raise yaml.constructor.ConstructorError(None, None, f"a number of over {_MOST_BITS} bits", node.start_mark)
        return number

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = getattr(key_node, "value", None)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(str(key))
        return super().construct_mapping(node, deep=deep)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def composed(text: str) -> yaml.Node | None:
    """The nodes of a text, None where it is empty.

    Raises:
        UnreadableYaml: it is no YAML, or larger or deeper than what people write.
    """
    return _guarded(text)[0]


def read(text: str) -> tuple[yaml.Node | None, Any]:
    """The nodes of a text, and its value.

    Raises:
        UnreadableYaml: as for :func:`composed`, or a key stands twice, or a value is none.
    """
    return _guarded(text, values=True)


def _guarded(text: str, *, values: bool = False) -> tuple[yaml.Node | None, Any]:
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            _entries(node, {})
        return node, loader.construct_document(node) if values and node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0] or type(error).__name__
        raise UnreadableYaml(problem, mark.line + 1 if mark else None) from error
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        told = str(error).partition("\n")[0]
        raise UnreadableYaml(f"a value in it cannot be read: {told}") from error
    finally:
        if loader is not None:
            loader.dispose()


def _entries(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values there are below a node when every alias is written out."""
    if id(node) in known:
        if known[id(node)] == 0:
            raise _refused("it contains itself", node)
        return known[id(node)]
    known[id(node)] = 0
    if isinstance(node, yaml.ScalarNode) and not is_whole(node.value):
        raise _refused("half a character", node)
    children = node.value if isinstance(node, yaml.CollectionNode) else []
    parts = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
    known[id(node)] = 1 + sum(_entries(part, known) for part in parts)
    if known[id(node)] > MOST_ENTRIES:
        raise _refused("too many entries", node)
    return known[id(node)]


def _refused(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
