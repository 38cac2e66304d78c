"""Change the data of a YAML or JSON file, and nothing else of its text."""

from __future__ import annotations

import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import Node, ScalarNode

from deployer.errors import DeployerError
from deployer.manifest import strict_json, yaml12
from deployer.manifest.edit_pieces import Pieces


def edit(text: str, old: Any, new: Any, *, is_json: bool) -> str:
    """Give the text whose data are `new` instead of `old`; what did not change keeps every byte, comments too.

    DeployerError where that fails: a file with YAML aliases says one thing in several places.
    """
    if json.dumps(old) == json.dumps(new):
        return text
    root = YAML().compose(text)
    _refuse_aliases(root)
    pieces = sorted(Pieces(text, is_json=is_json).value(root, old, new), key=lambda one: (one.start, one.end))
    for piece in reversed(pieces):  # from the end, so that places stay what they are
        text = text[: piece.start] + piece.text + text[piece.end :]
    _check(text, new, is_json=is_json)
    return text


def _refuse_aliases(root: Node) -> None:
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            raise DeployerError("the file uses YAML aliases (*name), which cannot be edited; write them out")
        seen.add(id(node))
        if not isinstance(node, ScalarNode):
            waiting += [one for item in node.value for one in (item if isinstance(item, tuple) else (item,))]


def _check(text: str, new: Any, *, is_json: bool) -> None:
    try:
        data, _ = strict_json.read(text) if is_json else yaml12.read(text)
    except yaml12.YamlError:
        data = None
    if json.dumps(data) != json.dumps(new):
        raise DeployerError("the layout of the file is too unusual to be edited; change it by hand")
