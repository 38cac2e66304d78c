"""Compile the entries of a valid manifest into desired resources: files read, references checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.kinds.tools import key as key_of
from deployer.manifest.document import address as place_of
from deployer.manifest.document import read_text
from deployer.manifest.functions import OWN_KEYS, ToolPlace, function, function_file, response_format, together
from deployer.manifest.knowledge import CODE_INTERPRETER, FILE_SEARCH, Listing, find, overlap
from deployer.manifest.load import Context, ManifestEntry, outside
from deployer.manifest.variables import mentioned
from deployer.model import Address, DesiredFile, Position, Problem, Resource, Severity
from deployer.wording import listed

MAX_INSTRUCTIONS = 256_000
MAX_DATA = 20
MAX_PAIRS_WITH_DATA = 12
_APART = ("instructions", "tools", "protect")
_OBJECTS = ("reasoning", "text", "multi_agent", "compaction", "experimental")
_ALIASES = {"reasoning.effort": "reasoning_effort"}
_LONGEST_PATH = 255


def plain(context: Context, address: Address, entry: ManifestEntry) -> tuple[Resource, list[Problem]]:
    """Compile an entry of a kind that has nothing of its own to read or check: its fields are its attrs."""
    del context
    attrs = {name: item for name, item in entry.value.items() if name != "protect"}
    return Resource(address, attrs, (), _positions(entry), protect=bool(entry.value.get("protect"))), []


def vector_store(context: Context, address: Address, entry: ManifestEntry) -> tuple[Resource, list[Problem]]:
    value = entry.value
    chunking = value.get("chunking")
    listing = Listing(entry, ("files",), f"{address}.files", value.get("files", ()), FILE_SEARCH)
    files, problems = find(context, listing, chunking)
    problems += _overlaps(address, entry, (), value)
    for place, item in enumerate(listing.items):
        problems += _overlaps(address, entry, ("files", place), item)
    problems += _blanks(address, entry)
    attrs = {name: value[name] for name in ("name", "expires_after", "metadata") if name in value}
    found = Resource(
        address,
        attrs,
        tuple(sorted(files, key=lambda file: file.path)),
        _positions(entry),
        protect=bool(value.get("protect")),
        exclusive=bool(value.get("exclusive")),
    )
    return found, problems


def _blanks(address: Address, entry: ManifestEntry) -> list[Problem]:
    """Name the fields that may be null and have nothing behind them: a null that is meant is written."""
    paths = {name: (*entry.path, name) for name, item in entry.value.items() if item is None}
    blank = [(name, path) for name, path in paths.items() if entry.document.is_blank(path)]
    what, remedy = "nothing stands here", "fill it in, write null to have it unset, or remove it"
    return [Problem(what, remedy, f"{address}.{name}", entry.document.key_position(path)) for name, path in blank]


def _overlaps(address: Address, entry: ManifestEntry, at: tuple[str | int, ...], settings: Any) -> list[Problem]:
    """Check what the schema cannot see of the chunking in `settings`, if there is any."""
    wrong = overlap(settings["chunking"]) if isinstance(settings, dict) and "chunking" in settings else None
    path = (*at, "chunking", "chunk_overlap_tokens")
    return [Problem(*wrong, place_of(path, str(address)), entry.position(*path))] if wrong else []


def assistant(context: Context, address: Address, entry: ManifestEntry) -> tuple[Resource, list[Problem]]:
    attrs: dict[str, Any] = {name: item for name, item in entry.value.items() if name not in (*_APART, *_OBJECTS)}
    positions, problems, handlers = _positions(entry), _flattened(address, entry, attrs), dict[str, str]()
    positions |= {name: entry.document.key_position((*entry.path, *path)) for name, path in _inner(entry).items()}
    if "instructions" in entry.value:
        attrs["instructions"], wrong = _instructions(context, address, entry)
        problems += wrong
    if "tools" in entry.value:
        tools, wrong = _tools(context, address, entry, positions)
        handlers = {tool["name"]: tool.pop("handler") for tool in tools if "handler" in tool}
        attrs["tools"] = tools
        problems += [*wrong, *together(address, entry, tools)]
    files, wrong = _data(context, address, entry)
    problems += _blanks(address, entry)
    problems += wrong + response_format(context, address, entry)
    protect = bool(entry.value.get("protect"))
    return Resource(address, attrs, files, positions, protect=protect, handlers=handlers), problems


def _inner(entry: ManifestEntry) -> dict[str, tuple[str, str]]:
    """Return where the fields stand that are inside others: each is compared by itself."""
    found = [(name, field) for name in _OBJECTS for field in entry.value.get(name, ())]
    return {_ALIASES.get(f"{name}.{field}", f"{name}.{field}"): (name, field) for name, field in found}


def _flattened(address: Address, entry: ManifestEntry, attrs: dict[str, Any]) -> list[Problem]:
    """Add the fields that are inside others; return a problem where one is said twice."""
    problems = []
    for name, (outer, field) in _inner(entry).items():
        value = entry.value[outer][field]
        if name in attrs and attrs[name] != value:
            where = entry.document.key_position((*entry.path, outer, field))
            text = f"{name} says something else, at {entry.document.key_position((*entry.path, name))}"
            problems.append(Problem(text, "remove one of them", f"{address}.{outer}.{field}", where))
        attrs[name] = value
    return problems


def _tools(
    context: Context, address: Address, entry: ManifestEntry, positions: dict[str, Position]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the tools that can be read; `positions` takes where each stands."""
    tools: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for index, value in enumerate(entry.value["tools"]):
        if value is None:
            continue  # the schema has refused it
        place = ToolPlace(entry, index, f"{address}.tools[{index}]")
        compiled, wrong = _compiled(context, place, value)
        problems += wrong
        for tool in compiled:
            name = key_of(tool)
            if name in tools:
                message = f"the tool {name!r} stands twice, first at {positions[f'tools/{name}']}"
                problems.append(Problem(message, "remove or rename one", place.where, place.position()))
            tools[name] = tool
            positions[f"tools/{name}"] = place.position()
    return list(tools.values()), problems


def _data(context: Context, address: Address, entry: ManifestEntry) -> tuple[tuple[DesiredFile, ...], list[Problem]]:
    """Return the files of the code interpreter, in the manifest's order."""
    files: list[DesiredFile] = []
    problems: list[Problem] = []
    for place, value in enumerate(entry.value.get("tools", ())):
        if value is not None and value["type"] == "code_interpreter" and "files" in value:
            at = ("tools", place, "files")
            listing = Listing(entry, at, place_of(at, str(address)), value["files"], CODE_INTERPRETER)
            found, wrong = find(context, listing)
            files += found
            problems += wrong
            if len(found) > MAX_DATA:
                message = f"{len(found):,} files; the code interpreter of an assistant takes at most {MAX_DATA}"
                problems.append(listing.problem((message, "narrow the globs")))
            problems += _crowded(address, entry)
    return tuple(files), problems


def _crowded(address: Address, entry: ManifestEntry) -> list[Problem]:
    """With files of the code interpreter, the stamp has a pair more: one for what they are."""
    pairs = len(entry.value.get("metadata", ()))
    if pairs <= MAX_PAIRS_WITH_DATA:
        return []
    message = f"{pairs} pairs are too many for an assistant with files of the code interpreter"
    remedy = f"the limit is {MAX_PAIRS_WITH_DATA}: the API has 16, four are our stamp"
    return [Problem(message, remedy, f"{address}.metadata", entry.position("metadata"))]


def _positions(entry: ManifestEntry) -> dict[str, Position]:
    result = {"": entry.document.key_position(entry.path)}
    for name in entry.value:
        result[name] = entry.document.key_position((*entry.path, name))
    return result


def _instructions(context: Context, address: Address, entry: ManifestEntry) -> tuple[str | None, list[Problem]]:
    value, where = entry.value["instructions"], f"{address}.instructions"
    if not isinstance(value, dict):
        return value, _slip(context, entry, value, where) if value else []
    position = entry.position("instructions", "file")
    found = context.file(entry, value["file"])
    if found is None:
        return "", [outside(value["file"], where, position)]
    path, name = found
    text = read_text(path, name)
    if isinstance(text, Problem):
        problem = context.lost(entry, value["file"], path, text)
        return "", [replace(problem, address=where, position=problem.position or position)]
    if len(text) > MAX_INSTRUCTIONS:
        message = f"{name} has {len(text):,} characters"
        return "", [Problem(message, f"the limit is {MAX_INSTRUCTIONS:,}", where, position)]
    if not text.strip():
        return "", [Problem(f"{name} is empty", "write the instructions, or remove the key", where, position)]
    return text.removesuffix("\n"), _unreplaced(context, name, text, where, position)


def _unreplaced(context: Context, name: str, text: str, where: str, position: Position) -> list[Problem]:
    """Prompt files are taken as they are; but a declared variable is hardly meant to go live by its name."""
    found = [f"${{var.{one}}}" for one in mentioned(text, context.variables)]
    if not found:
        return []
    message = (
        f"{name} says {listed(found, 3)}, which goes live as it stands: variables are replaced in the manifest alone"
    )
    remedy = "write the instructions in the manifest, or other words"
    return [Problem(message, remedy, where, position, Severity.WARNING)]


def _slip(context: Context, entry: ManifestEntry, value: str, where: str) -> list[Problem]:
    """Instructions that are the path of a file are hardly what was meant."""
    found = None if len(value.split()) != 1 or len(value) > _LONGEST_PATH else context.file(entry, value)
    if found is None or not found[0].is_file():
        return []
    remedy = f"write instructions: {{file: {value}}}"
    return [Problem("this is the path of a file, not instructions", remedy, where, entry.position("instructions"))]


def _compiled(
    context: Context, place: ToolPlace, value: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the tools of an item as attrs hold them (a file may have several functions), and its problems."""
    if value["type"] == "function" and "file" in value:
        return function_file(context, place, value)
    tool, problems = _tool(context, place, value)
    return [tool], problems


def _tool(context: Context, place: ToolPlace, value: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    if value["type"] == "file_search":
        return _file_search(context, place, value)
    if value["type"] != "function":
        return {key: item for key, item in value.items() if key not in OWN_KEYS}, []
    return function(context, place, value, place.entry.document, (*place.entry.path, "tools", place.place))


def _file_search(context: Context, place: ToolPlace, value: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    stores = [Address("vector_store", name) for name in value.get("vector_stores", ())]
    problems = [
        Problem(
            f"there is no vector store {store.name!r}",
            context.declared.similar(store, "declare it under vector_stores:"),
            f"{place.where}.vector_stores[{index}]",
            place.position("vector_stores", index),
        )
        for index, store in enumerate(stores)
        if store not in context.declared
    ]
    return {**value, **({"vector_stores": [str(store) for store in stores]} if stores else {})}, problems
