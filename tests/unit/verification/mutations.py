"""Every leaf of a JSON value, and a value that is another one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all leaves; an empty list or object is a leaf."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = False
    for name, item in inner:
        found = True
        yield from leaves(item, (*path, name))
    if not found:
        yield path


def changed(value: Any, path: Path) -> Any:
    """The same with this leaf another one of the same kind."""
    result = copy.deepcopy(value)
    parent = result
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = another(parent[path[-1]])
    return result


def another(leaf: Any) -> Any:
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, int):
        return leaf + 1
    if isinstance(leaf, str) and leaf:
        middle = len(leaf) // 2  # the last letter of base64 may hold bits that mean nothing
        swapped = {"0": "1", "a": "b"}.get(leaf[middle], "0" if leaf.startswith("0x") else "a")
        return leaf[:middle] + swapped + leaf[middle + 1 :]
    return {"": "x", None: "x"}.get(leaf, 1) if not isinstance(leaf, dict | list) else ["x"]
