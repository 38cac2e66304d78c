"""Compile the entries of a valid manifest into desired resources: files read, references checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployer.manifest.document import read_text
from deployer.manifest.knowledge import find
from deployer.manifest.load import Entry
from deployer.manifest.tools import Spot, Surroundings, leaves, named_file, response_format, together, tool
from deployer.model import Address, Position, Problem, Resource

MAX_INSTRUCTIONS = 256_000
_LONGEST_PATH = 255


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


def assistant(around: Surroundings, address: Address, entry: Entry) -> tuple[Resource, list[Problem]]:
    attrs: dict[str, Any] = {name: item for name, item in entry.value.items() if name not in ("instructions", "tools")}
    positions, problems = _positions(entry), []
    if "instructions" in entry.value:
        attrs["instructions"], wrong = _instructions(around.root, address, entry)
        problems += wrong
    tools: dict[str, Any] = {}
    for place, value in enumerate(entry.value.get("tools", ())):
        if value is None:
            continue  # the schema has refused it
        compiled, wrong = tool(around, Spot(entry, place, f"{address}.tools[{place}]"), value)
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
        problems += together(around, address, entry, attrs["tools"])
    return Resource(address, attrs, (), positions), problems + response_format(around, address, entry)


def _positions(entry: Entry) -> dict[str, Position]:
    result = {"": entry.document.key_position(entry.path)}
    for name in entry.value:
        result[name] = entry.document.key_position((*entry.path, name))
    return result


def _instructions(root: Path, address: Address, entry: Entry) -> tuple[str, list[Problem]]:
    value, where = entry.value["instructions"], f"{address}.instructions"
    if isinstance(value, str):
        return value, _slip(root, entry, value, where)
    position = entry.position("instructions", "file")
    found = named_file(root, entry, value["file"])
    if found is None:
        return "", [leaves(value["file"], where, position)]
    path, name = found
    text = read_text(path, name)
    if isinstance(text, Problem):
        return "", [replace(text, address=where, position=text.position or position)]
    if len(text) > MAX_INSTRUCTIONS:
        message = f"{name} has {len(text):,} characters"
        return "", [Problem(message, f"the limit is {MAX_INSTRUCTIONS:,}", where, position)]
    if not text.strip():
        return "", [Problem(f"{name} is empty", "write the instructions, or remove the key", where, position)]
    return text.removesuffix("\n"), []


def _slip(root: Path, entry: Entry, value: str, where: str) -> list[Problem]:
    """Instructions that are the path of a file are hardly what was meant."""
    found = None if len(value.split()) != 1 or len(value) > _LONGEST_PATH else named_file(root, entry, value)
    if found is None or not found[0].is_file():
        return []
    remedy = f"write instructions: {{file: {value}}}"
    return [Problem("this is the path of a file, not instructions", remedy, where, entry.position("instructions"))]
