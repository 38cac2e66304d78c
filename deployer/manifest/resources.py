"""Compile the entries of a valid manifest into desired resources: files read, references checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.manifest import schema
from deployer.manifest.document import read, read_text
from deployer.manifest.knowledge import find
from deployer.manifest.load import Entry
from deployer.manifest.paths import existing, relative
from deployer.manifest.suggest import nearest
from deployer.model import Address, Position, Problem, Resource

MAX_INSTRUCTIONS = 256_000


def vector_store(root: Path, address: Address, entry: Entry) -> tuple[Resource, list[Problem]]:
    value = entry.value
    files, problems = find(root, entry, str(address))
    chunking = value.get("chunking")
    if chunking:
        problems += _overlap(address, entry, chunking)
        files = tuple(replace(file, chunking=dict(chunking)) for file in files)
    attrs = {name: value[name] for name in ("name", "expires_after", "metadata") if name in value}
    return Resource(address, attrs, files, _positions(entry)), problems


def _overlap(address: Address, entry: Entry, chunking: Mapping[str, int]) -> list[Problem]:
    size, overlap = chunking["max_chunk_size_tokens"], chunking["chunk_overlap_tokens"]
    if overlap <= size / 2:
        return []
    message = f"an overlap of {overlap} is more than half of {size}"
    place = entry.position("chunking", "chunk_overlap_tokens")
    return [Problem(message, f"the most is {size // 2}", f"{address}.chunking.chunk_overlap_tokens", place)]


def assistant(root: Path, address: Address, entry: Entry, stores: Sequence[str]) -> tuple[Resource, list[Problem]]:
    """Compile one assistant; `stores` are the keys of all vector stores of the manifest."""
    attrs: dict[str, Any] = {name: item for name, item in entry.value.items() if name not in ("instructions", "tools")}
    positions, problems = _positions(entry), []
    if "instructions" in entry.value:
        attrs["instructions"], wrong = _instructions(root, address, entry)
        problems += wrong
    tools: dict[str, Any] = {}
    for place, tool in enumerate(entry.value.get("tools", ())):
        spot = _Spot(root, entry, place, f"{address}.tools[{place}]")
        compiled, wrong = _tool(spot, tool, stores)
        problems += wrong
        if compiled is None:
            continue
        name, position = str(compiled.get("name", compiled["type"])), entry.position("tools", place)
        if name in tools:
            first = positions[f"tools/{name}"]
            message = f"the tool {name!r} stands twice, first at {first}"
            problems.append(Problem(message, "remove or rename one", f"{address}.tools[{place}]", position))
        tools[name] = compiled
        positions[f"tools/{name}"] = position
    if "tools" in entry.value:
        attrs["tools"] = list(tools.values())
    return Resource(address, attrs, (), positions), problems


def _positions(entry: Entry) -> dict[str, Position]:
    result = {"": entry.document.key_position(entry.path)}
    for name in entry.value:
        result[name] = entry.document.key_position((*entry.path, name))
    return result


def _instructions(root: Path, address: Address, entry: Entry) -> tuple[str, list[Problem]]:
    value, where = entry.value["instructions"], f"{address}.instructions"
    if isinstance(value, str):
        return value, []
    position = entry.position("instructions", "file")
    found = _path(root, entry, value["file"])
    if found is None:
        return "", [_leaves(value["file"], where, position)]
    path, name = found
    text = read_text(path, name)
    if isinstance(text, Problem):
        return "", [replace(text, address=where, position=text.position or position)]
    if len(text) > MAX_INSTRUCTIONS:
        message = f"{name} has {len(text):,} characters"
        return "", [Problem(message, f"the limit is {MAX_INSTRUCTIONS:,}", where, position)]
    return text.removesuffix("\n"), []


def _path(root: Path, entry: Entry, text: str) -> tuple[Path, str] | None:
    """The file that `text` names, relative to the file it stands in, and its name for the user; None outside `root`."""
    path = existing((root / entry.document.name).parent, text)
    name = relative(root, path)
    return None if name is None else (path, name)


def _leaves(text: str, where: str, position: Position) -> Problem:
    return Problem(f"{text!r} leaves the manifest's folder", "move the file inside", where, position)


@dataclass(frozen=True, slots=True)
class _Spot:
    """One tool of one entry: `where` is its address for the user."""

    root: Path
    entry: Entry
    place: int
    where: str

    def position(self, *more: str | int) -> Position:
        return self.entry.position("tools", self.place, *more)


def _tool(spot: _Spot, tool: Mapping[str, Any], stores: Sequence[str]) -> tuple[dict[str, Any] | None, list[Problem]]:
    if tool["type"] == "file_search":
        return _file_search(spot, tool, stores)
    if "file" in tool:
        return _function_file(spot, str(tool["file"]))
    return dict(tool), []


def _file_search(spot: _Spot, tool: Mapping[str, Any], stores: Sequence[str]) -> tuple[dict[str, Any], list[Problem]]:
    names = tool.get("vector_stores", ())
    problems = [
        Problem(
            f"there is no vector store {name!r}",
            nearest(name, stores, "declare it under vector_stores:"),
            f"{spot.where}.vector_stores[{index}]",
            spot.position("vector_stores", index),
        )
        for index, name in enumerate(names)
        if name not in stores
    ]
    addresses = [str(Address("vector_store", name)) for name in names]
    return {**tool, **({"vector_stores": addresses} if addresses else {})}, problems


def _function_file(spot: _Spot, text: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    position = spot.position("file")
    found = _path(spot.root, spot.entry, text)
    if found is None:
        return None, [_leaves(text, spot.where, position)]
    document = read(*found)
    if isinstance(document, Problem):
        return None, [replace(document, address=spot.where, position=document.position or position)]
    problems = schema.check(document, document.data, "function", spot.where)
    return (None if problems else {**document.data, "type": "function"}), problems
