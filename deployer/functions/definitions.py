"""What data is: the definitions of functions in it, in each of the shapes that people keep them in.

A shape is recognised by what it must have, and named, so that no file is called valid that was not understood.
Each definition knows where its parts stand, whatever they are called there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.functions import openapi
from deployer.functions.checks.definition import KEYS, nearest_key
from deployer.functions.checks.dialects import TYPES, foreign
from deployer.functions.tree import Pointer

FUNCTION, SCHEMA, FORMAT, MCP, ANTHROPIC, OPERATION = "function", "schema", "format", "mcp", "anthropic", "operation"
SHAPES: Mapping[str, str] = {
    FUNCTION: "a function",
    SCHEMA: "a JSON Schema",
    FORMAT: "a response format",
    MCP: "a tool of an MCP server",
    ANTHROPIC: "a tool of Anthropic's API",
    OPERATION: "an operation of an OpenAPI document",
}
REMEDY = (
    "write a function (name and parameters), a list of such, a response format, a tool of MCP or Anthropic, an OpenAPI "
    "document, or a bare JSON Schema"
)
_HOSTED = ("code_interpreter", "file_search", "web_search", "computer_use", "image_generation", "mcp", "tool_search")
_SCHEMA_KEYS = ("$schema", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "items")
_LISTS = ("functions", "tools", "data")
_SURELY = 0.8
_OBJECTS = ("assistant", "agent")


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition: `at` leads to it in the file, `data` is what stands there.

    `function` is the same as a function of the API (a response format: its name, schema as `parameters`, strict).
    `places` lead from a part of `function` to where it stands in the file, the longest that fits. `strays` are keys
    beside it that belong elsewhere.
    """

    shape: str
    at: Pointer
    data: Mapping[str, Any]
    function: Mapping[str, Any]
    places: tuple[tuple[Pointer, Pointer], ...]
    strays: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.function.get("name") or "") if self.shape != SCHEMA else ""

    def place(self, pointer: Pointer) -> Pointer:
        """Return the path in the file of a path in `function`."""
        fitting = [pair for pair in self.places if pointer[: len(pair[0])] == pair[0]]
        start, place = max(fitting, key=lambda pair: len(pair[0]))
        return (*place, *pointer[len(start) :])

    def inside(self, pointer: Pointer) -> Pointer:
        """Return the path from the definition, in its own words, of a path in `function`."""
        place = self.place(pointer)
        return place[len(self.at) :] if place[: len(self.at)] == self.at else place


@dataclass(frozen=True, slots=True)
class Unread:
    """What stands in a file and is none of the shapes."""

    at: Pointer


Found = Iterator["Definition | Unread"]


def read(data: Any, at: Pointer = ()) -> Found:
    """Return every definition in the data, and each place that is none where one is expected."""
    if isinstance(data, list):
        for place, item in enumerate(data):
            yield from read(item, (*at, place))
        return
    if not isinstance(data, dict):
        yield Unread(at)
        return
    reader = next((reader for fits, reader in _READERS if fits(data)), None)
    if reader is None:
        yield Unread(at)
    else:
        yield from reader(data, at)


def _function(data: Mapping[str, Any], at: Pointer) -> Found:
    yield Definition(FUNCTION, at, data, data, (((), at),))


def _nested(data: Mapping[str, Any], at: Pointer) -> Found:
    """The form of Assistants and Chat: `{type: function, function: {…}}`."""
    place, inner = (*at, "function"), data["function"]
    strays = tuple(key for key in data if key not in ("type", "function"))
    yield Definition(FUNCTION, place, inner, inner, (((), place),), strays)


def _schema(data: Mapping[str, Any], at: Pointer) -> Found:
    """A bare schema counts as the parameters of a function, whose name is not needed."""
    yield Definition(SCHEMA, at, data, {"name": "schema", "parameters": data}, (((), at), (("parameters",), at)))


def _format(data: Mapping[str, Any], at: Pointer) -> Found:
    """Responses and Agents: name and schema beside the type; Assistants and Chat: under `json_schema`."""
    place = (*at, "json_schema") if isinstance(data.get("json_schema"), dict) else at
    inner = data["json_schema"] if place != at else data
    if not isinstance(inner.get("schema"), dict | bool):
        yield Unread(place)
        return
    function = {"name": inner.get("name"), "parameters": inner["schema"], "strict": inner.get("strict") is True}
    yield Definition(FORMAT, place, inner, function, (((), place), (("parameters",), (*place, "schema"))))


def _mcp(data: Mapping[str, Any], at: Pointer) -> Found:
    yield _renamed(MCP, data, at, "inputSchema", data.get("description") or data.get("title"))


def _anthropic(data: Mapping[str, Any], at: Pointer) -> Found:
    yield _renamed(ANTHROPIC, data, at, "input_schema", data.get("description"))


def _renamed(shape: str, data: Mapping[str, Any], at: Pointer, key: str, description: Any) -> Definition:
    said = {"description": description} if description else {}
    function = {"name": data.get("name"), **said, "parameters": data[key]}
    return Definition(shape, at, data, function, (((), at), (("parameters",), (*at, key))))


def _openapi(data: Mapping[str, Any], at: Pointer) -> Found:
    for one in openapi.operations(data):
        places = tuple((start, (*at, *place)) for start, place in one.places)
        yield Definition(OPERATION, (*at, *one.at), one.data, one.function, places)


def _operation(data: Mapping[str, Any], at: Pointer) -> Found:
    one = openapi.operation(data)
    places = tuple((start, (*at, *place)) for start, place in one.places)
    yield Definition(OPERATION, at, data, one.function, places)


def _is_operation(data: Mapping[str, Any]) -> bool:
    has_name = isinstance(data.get("operationId"), str) or "responses" in data
    return has_name and (isinstance(data.get("parameters"), list) or "requestBody" in data)


def _manifest(data: Mapping[str, Any], at: Pointer) -> Found:
    """The functions that stand in the manifest itself; each file that it names is checked as a file."""
    assistants = data.get("assistants")
    for key, entry in assistants.items() if isinstance(assistants, dict) else ():
        if isinstance(entry, dict):
            yield from _assistant(entry, (*at, "assistants", key))


def _assistant(data: Mapping[str, Any], at: Pointer) -> Found:
    """An assistant, an agent or the parameters of a response: its functions and its response format."""
    tools = data.get("tools")
    for place, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and tool.get("type") == "function" and "file" not in tool:
            yield from read(tool, (*at, "tools", place))
    yield from _wrapped(data, at)


def _wrapped(data: Mapping[str, Any], at: Pointer) -> Found:
    """The response format of `response_format` or `text.format`, if it has a schema."""
    text = data.get("text")
    inner = text.get("format") if isinstance(text, dict) else None
    for value, path in ((data.get("response_format"), ("response_format",)), (inner, ("text", "format"))):
        if isinstance(value, dict) and value.get("type") == "json_schema":
            yield from _format(value, (*at, *path))


def _listed(data: Mapping[str, Any], at: Pointer) -> Found:
    key = next(key for key in _LISTS if isinstance(data.get(key), list))
    yield from read(data[key], (*at, key))


def _result(data: Mapping[str, Any], at: Pointer) -> Found:
    yield from read(data["result"], (*at, "result"))


def _nothing(data: Mapping[str, Any], at: Pointer) -> Found:
    """A hosted tool has no schema."""
    del data, at
    yield from ()


def _is_function(data: Mapping[str, Any]) -> bool:
    """Has a name, and more of what a function has than of what it does not know."""
    if "name" not in data or isinstance(data.get("properties"), dict):
        return False
    if data.get("type") == "function" or "parameters" in data:
        return True
    known = [key for key in data if key in KEYS or nearest_key(str(key), cutoff=_SURELY)]
    return "type" not in data and 2 * len(known) >= len(data)


def _is_schema(data: Mapping[str, Any]) -> bool:
    if any(key in data for key in _SCHEMA_KEYS):
        return True
    said = data.get("type")
    names = said if isinstance(said, list) else [said]
    return "type" in data and all(name in TYPES or foreign(name) for name in names)


def _is_assistant(data: Mapping[str, Any]) -> bool:
    return data.get("object") in _OBJECTS or ("model" in data and bool(data.keys() & {"tools", "instructions"}))


def _is_manifest(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("assistants"), dict) or (data.get("version") == 1 and "project" in data)


def _has(key: str, kind: type) -> Callable[[Mapping[str, Any]], bool]:
    return lambda data: isinstance(data.get(key), kind)


# the first that fits reads it
_READERS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any], Pointer], Found]], ...] = (
    (lambda data: "jsonrpc" in data and "result" in data, _result),
    (lambda data: ("openapi" in data or "swagger" in data) and isinstance(data.get("paths"), dict), _openapi),
    (_is_operation, _operation),
    (_is_manifest, _manifest),
    (_is_assistant, _assistant),
    (_has("function", dict), _nested),
    (lambda data: data.get("type") == "json_schema", _format),
    (lambda data: "inputSchema" in data and "parameters" not in data, _mcp),
    (lambda data: "input_schema" in data and "parameters" not in data, _anthropic),
    (lambda data: data.get("type") in _HOSTED and "parameters" not in data and "name" not in data, _nothing),
    (_is_function, _function),
    (lambda data: "name" not in data and any(isinstance(data.get(key), list) for key in _LISTS), _listed),
    (lambda data: "type" not in data and any(key in data for key in ("response_format", "text")), _wrapped),
    (_is_schema, _schema),
)


def converted(data: Any, definitions: list[Definition]) -> Any:
    """Return the data with every foreign definition as a function of the API; the operations of OpenAPI as a list."""
    if any(one.shape == OPERATION for one in definitions):
        return [openai_function(one) for one in definitions]
    result = copy.deepcopy(data)
    for one in definitions:
        if one.shape in (MCP, ANTHROPIC):
            result = put(result, one.at, openai_function(one))
    return result


def openai_function(one: Definition) -> dict[str, Any]:
    """Return the definition as the Responses API has functions, its parameters as they are."""
    return {"type": "function", **{key: value for key, value in one.function.items() if value is not None}}


def put(data: Any, at: Pointer, value: Any) -> Any:
    """Put a value where `at` leads, in place, and return the whole."""
    if not at:
        return value
    inner = data
    for part in at[:-1]:
        inner = inner[part]
    inner[at[-1]] = value
    return data
