"""What becomes of each field of a manifest on each surface: the table that losses, the documentation and tests read.

A cell is `same` (carried under its own name), `-> PLACE` (carried in another form) or a sentence that says why it is
lost. Sources are named in the modules of the kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from deployer.kinds import tools
from deployer.kinds.base import Loss
from deployer.model import Attrs

SURFACES = ("assistants", "agents", "responses", "foundry")


class Carriage(StrEnum):
    CARRIED = "carried"
    TRANSLATED = "translated"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Cell:
    """What a surface does with a field: `text` is where it goes, or why it is lost. `fatal`: a decision is needed."""

    how: Carriage
    text: str = ""
    fatal: bool = False

    @classmethod
    def read(cls, field: str, surface: str, text: str) -> Cell:
        """Read a cell of a row: `same`, `-> PLACE`, or why it is lost ("": as usual), behind `! ` if fatal."""
        if text == _SAME:
            return cls(Carriage.CARRIED)
        if text.startswith("-> "):
            return cls(Carriage.TRANSLATED, text.removeprefix("-> "))
        is_tool = field.startswith("tools.") and field.count(".") == 1
        usual = _NO_TOOL.get(surface, "") if is_tool else _NO_FIELD[surface]
        return cls(Carriage.LOST, text.removeprefix("! ") or usual, fatal=text.startswith("! "))


_SAME = "same"
_NO_FIELD = {
    "assistants": "the Assistants API has no such field",
    "agents": "the Agents API has no such field; remove it, or keep it for accounts of another surface",
    "responses": "the Responses API has no such field",
    "foundry": "an agent of Foundry has no such field",
}
_NO_TOOL = {
    "assistants": "the Assistants API has no such tool",
    "responses": "the Responses API has no such tool",
    "foundry": "an agent of Foundry has no such tool",
}
_NO_SEARCH = (
    "the Agents API has no file_search: give the agent a function that searches the vector store, "
    "or say knowledge_as: function at the account"
)
_NO_INTERPRETER = "the Agents API has no code_interpreter: sessions get a sandbox through their environment"
_NO_STRICT = "the Agents API has no strict functions: it is sent without strict"
_NO_JSON = "the Agents API has no json_object: declare a json_schema, or accept_loss: [response_format.json_object]"
_NO_NAME = "an agent of Foundry is called by its name alone, which is its id: agent_name, or its key here"
_NO_IDENTITY = "only agents of Foundry are known by a name"
_STDIO = "it reaches MCP servers over HTTP only"

_ROWS: tuple[tuple[str, str, str, str, str], ...] = (
    ("name", _SAME, _SAME, "-> name, beside the parameters", _NO_NAME),
    ("agent_name", _NO_IDENTITY, _NO_IDENTITY, _NO_IDENTITY, "-> the name of the agent, which is its id"),
    ("description", _SAME, "", "-> description, beside the parameters", _SAME),
    ("model", _SAME, _SAME, _SAME, _SAME),
    ("instructions", _SAME, _SAME, "-> instructions, or a developer message that begins input", _SAME),
    ("metadata", _SAME, _SAME, _SAME, "-> metadata of the version"),
    ("temperature", _SAME, "", _SAME, _SAME),
    ("top_p", _SAME, "", _SAME, _SAME),
    ("reasoning_effort", _SAME, "-> reasoning.effort", "-> reasoning.effort", "-> reasoning.effort"),
    ("reasoning.summary", "", _SAME, _SAME, _SAME),
    ("text.verbosity", "", _SAME, _SAME, ""),
    ("response_format", _SAME, "-> text.format", "-> text.format", "-> text.format"),
    ("response_format.json_object", _SAME, f"! {_NO_JSON}", "-> text.format", "-> text.format"),
    ("service_tier", "", _SAME, _SAME, ""),
    ("multi_agent", "", _SAME, "", ""),
    ("compaction", "", _SAME, "", ""),
    ("experimental", "", _SAME, "", ""),
    ("tools.file_search", _SAME, _NO_SEARCH, "-> vector_store_ids", "-> vector_store_ids"),
    ("tools.code_interpreter", _SAME, _NO_INTERPRETER, "-> container", "-> container"),
    ("tools.function", _SAME, "-> without nesting", "-> without nesting", "-> without nesting"),
    ("tools.function.strict", _SAME, _NO_STRICT, _SAME, _SAME),
    ("tools.function.defer_loading", "", _SAME, _SAME, _SAME),
    ("tools.function.async", "", _SAME, _SAME, _SAME),
    ("tools.mcp", "", _SAME, "-> server_url", "-> server_url"),
    ("tools.mcp.stdio", "", _SAME, _STDIO, _STDIO),
    ("tools.mcp.connection_origin", "", _SAME, "", ""),
    ("tools.mcp.credential_id", "", _SAME, "", ""),
    ("tools.mcp.request_metadata", "", _SAME, "", ""),
    ("tools.mcp.required", "", _SAME, "", ""),
    ("tools.web_search", "", _SAME, "-> web_search with filters", "-> web_search with filters"),
    ("tools.web_search.mode", "", _SAME, "-> external_web_access", "-> external_web_access"),
    ("tools.tool_search", "", _SAME, _SAME, _SAME),
    ("tools.programmatic_tool_calling", "", _SAME, _SAME, _SAME),
    ("tools.computer_use", "", _SAME, "-> computer", "-> computer"),
    ("tools.computer_use.include_screenshots", "", _SAME, "", ""),
    ("tools.automations", "", _SAME, "", ""),
)


TABLE: Mapping[str, Mapping[str, Cell]] = MappingProxyType(
    {
        field: {surface: Cell.read(field, surface, text) for surface, text in zip(SURFACES, texts, strict=True)}
        for field, *texts in _ROWS
    }
)
"""By field of the manifest (of tools by their type) and surface."""
LOSABLE = tuple(field for field in TABLE if field not in ("model", "instructions"))
"""What an account may accept to lose: on some surface it is lost, or refused by some model."""


def loss(surface: str, field: str, path: str) -> Loss:
    """Return the loss of a field that the table calls lost, at a path of an assistant's fields."""
    cell = TABLE[field][surface]
    return Loss(path, cell.text, cell.fatal, field)


def lost(surface: str, attrs: Attrs) -> list[Loss]:
    """Return what an assistant declares and the table calls lost."""
    found = [(row(field), field) for field in attrs]
    rows = [(name, path) for name, path in (*found, *_of_format(attrs), *_of_tools(surface, attrs)) if name]
    return [loss(surface, name, path) for name, path in rows if TABLE[name][surface].how is Carriage.LOST]


def row(field: str) -> str:
    """Return the row of a field: its own, or that of what it is in; "" of one that no manifest has."""
    while field and field not in TABLE:
        field = field.rpartition(".")[0]
    return field


def _of_format(attrs: Attrs) -> Iterator[tuple[str, str]]:
    form = attrs.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_object":
        yield "response_format.json_object", "response_format"


def _of_tools(surface: str, attrs: Attrs) -> Iterator[tuple[str, str]]:
    """Yield each tool and what it says, as far as that has a row; what is at its default says nothing.

    Of a tool that is lost, nothing more is said; of one that the table does not know (a growing API, a damaged
    snapshot), nothing.
    """
    found = attrs.get("tools") or ()
    keyed = found if isinstance(found, Mapping) else tools.keyed(found)
    for name, tool in keyed.items():
        kind = f"tools.{tool.get('type')}"
        if kind not in TABLE:
            continue
        yield kind, f"tools/{name}"
        if TABLE[kind][surface].how is Carriage.LOST:
            continue
        yield from ((f"{kind}.{field}", f"tools/{name}") for field in tool if f"{kind}.{field}" in TABLE)
        if isinstance(tool.get("transport"), Mapping) and tool["transport"].get("type") == "stdio":
            yield "tools.mcp.stdio", f"tools/{name}"
