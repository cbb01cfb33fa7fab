"""YAML without surprises: plain values only, no duplicate keys, and no more values than a text of its size should hold.

Every YAML file of this package and its users is read by :func:`load`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

DEEPEST = 64
"""Maximum nesting of lists and mappings."""
MOST_VALUES = 100_000
"""Maximum values of a document, counting each reference through an alias, and long text as several."""
_LETTERS = 64


class _PlainLoader(yaml.SafeLoader):
    """YAML where only true/false, null, numbers, lists and mappings are special: `no`, `12:30` and dates are text."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node, unless it is nested too deeply: Python would run out of stack."""
        self._depth += 1
        if self._depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"it is nested more than {DEEPEST} levels deep", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _starts in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|None|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.?inf|\.?nan", "-+.0123456789in"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_starts))


def load(text: str) -> Any:
    """Return the content of a YAML document.

    Raises:
        yaml.YAMLError: for any error in it.
    """
    loader = _PlainLoader(text)
    try:
        root = _checked_root(loader)
        return None if root is None else loader.construct_document(root)  # type: ignore[no-untyped-call]
    except yaml.YAMLError:
        raise
    except Exception as error:  # explicit tags (!!bool x) and long numbers raise arbitrary errors
        raise yaml.YAMLError(f"{type(error).__name__} {error}") from error
    finally:
        loader.dispose()


def check_bounds(text: str) -> None:
    """Check that a document is neither nested too deeply nor inflated by aliases, whatever its values are.

    Raises:
        yaml.YAMLError: if it is, or is not YAML.
    """
    loader = _PlainLoader(text)
    try:
        _checked_root(loader)
    finally:
        loader.dispose()


def _checked_root(loader: _PlainLoader) -> yaml.Node | None:
    """Return a document, None if it is empty; aliases may not inflate it to many times its written size."""
    root = loader.get_single_node()
    if root is None:
        return None
    sizes: dict[yaml.Node, int] = {}
    held = _count(root, sizes, set())
    if held > MOST_VALUES and held > sum(map(_own_size, sizes)):
        raise yaml.YAMLError(f"its aliases expand {len(sizes):,} values to more than {MOST_VALUES:,}: write them out")
    return root


def _count(node: yaml.Node, sizes: dict[yaml.Node, int], open_nodes: set[yaml.Node]) -> int:
    """Return the number of values in a node, including itself; each node is visited once."""
    if node in open_nodes:
        raise yaml.YAMLError("a value refers to itself through an alias: write it out")
    if node not in sizes:
        open_nodes.add(node)
        sizes[node] = _own_size(node) + sum(_count(child, sizes, open_nodes) for child in _children(node))
        open_nodes.remove(node)
    return sizes[node]


def _own_size(node: yaml.Node) -> int:
    return 1 + len(node.value) // _LETTERS if isinstance(node, yaml.ScalarNode) else 1


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    # YAML 1.1 would read 010 as eight.
    return int(loader.construct_scalar(node))


def _construct_float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _construct_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    """Return a mapping, rejecting duplicate keys, of which YAML itself keeps the last."""
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key!r} occurs twice", key_node.start_mark)
        seen.add(key)
    return yaml.constructor.SafeConstructor.construct_mapping(loader, node, deep=True)


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_PlainLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)
_PlainLoader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
