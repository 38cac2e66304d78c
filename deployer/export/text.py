"""The manifest's YAML, with comments beside what could not be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.export import values
from deployer.export.folder import Folder
from deployer.export.items import Item
from deployer.manifest import VERSION, sections
from deployer.manifest.yaml12 import PositionTree, YamlError, read, yaml_text
from deployer.render.lines import plain

MANIFEST = "assistants.yaml"


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the resources; `accounts` as a manifest holds them, secrets by reference."""

    project: str
    accounts: Mapping[str, Any]


def files(header: Header, items: Sequence[Item]) -> dict[str, str]:
    """Give every text file by its path: the manifest, prompts, functions."""
    folder = Folder([document.path for item in items for document in item.documents])
    data: dict[str, Any] = {"version": VERSION, "project": header.project}
    if header.accounts:
        data["accounts"] = dict(header.accounts)
    for section, kind in sections.kinds().items():
        entries = {item.address.name: _value(item, folder) for item in items if item.address.kind == kind}
        if entries:
            data[section] = escaped(entries)
    return {MANIFEST: _commented(yaml_text(data), items), **folder.files}


def _value(item: Item, folder: Folder) -> dict[str, Any]:
    return values.of_store(item) if item.live.kind == "vector_store" else values.of_assistant(item, folder)


def escaped(value: Any) -> Any:
    """Write a literal `${` so that no variable is looked for; keys are not interpolated."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def _commented(text: str, items: Sequence[Item]) -> str:
    """Put remarks above the entries that they are about; the text says the same as before."""
    data, positions = read(text)
    lines = text.split("\n")
    remarks = sorted(((_line(positions, item), item.remarks) for item in items if item.remarks), reverse=True)
    for line, found in remarks:
        lines[line - 1 : line - 1] = [f"  # {plain(remark)}" for remark in found]
    result = "\n".join(lines)
    try:
        return result if read(result)[0] == data else text
    except YamlError:
        return text


def _line(positions: PositionTree, item: Item) -> int:
    section = next(section for section, kind in sections.kinds().items() if kind == item.address.kind)
    return positions.inside[section].keys[item.address.name][0]
