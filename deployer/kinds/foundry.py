"""The `assistant` kind on Microsoft Foundry: a named agent, which is a row of immutable versions.

An update makes a new version, written whole, and what is not declared is copied from the one before. Fields: the
client's `PromptAgentDefinition` (azure-ai-projects 2.10.0). What a version was made without it does not show, so what a
field lacks is the API's default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from deployer.kinds import carries, response_tools, tools
from deployer.kinds.base import Body, Expressed, HeldIds, Kind, Loss, Naming, Versions
from deployer.model import AccountSettings, Address, Attrs, Reason, Why

DEFAULTS: Attrs = MappingProxyType(
    {
        "description": None,
        "model": None,
        "instructions": None,
        "tools": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "reasoning.summary": None,
        "response_format": "auto",
    }
)
NULLABLE = frozenset(DEFAULTS) - {"model", "tools"}
"""What is null is left out of a version, and what a version is made without has its default."""
MAX_TOOLS = 128
MAX_STORES = 1
NAME = "agent_name"
PROMPT = "prompt"
"""The one kind of agents that is declared here; the others (`hosted`, `workflow`, …) are never touched."""
LATEST = "@latest"
_TEMPLATE = "there {{…}} is the place of a structured input, so it may not arrive as it stands"
_EMPTY: Mapping[str, Any] = MappingProxyType({"description": "", "metadata": {}})
_PLAIN = ("model", "instructions", "temperature", "top_p")
_NUMBERS = ("temperature", "top_p")
_REASONING = {"reasoning_effort": "effort", "reasoning.summary": "summary"}
_SAID: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "function": ("name", "description", "parameters", "strict", "defer_loading", "async"),
        "file_search": ("vector_store_ids", "max_num_results"),
        "code_interpreter": (),
        "web_search": ("search_context_size", "user_location", "external_web_access"),
        "mcp": ("server_label", "server_url", "headers", "allowed_tools"),
        "computer": (),
        "tool_search": (),
        "programmatic_tool_calling": (),
    }
)
"""By type of a tool the fields that a manifest says; it says nothing of other types, and of other fields."""
_SAID_INSIDE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"ranking_options": ("ranker", "score_threshold"), "filters": ("allowed_domains",)}
)


def express(attrs: Attrs) -> Expressed:
    result = {name: attrs[name] for name in ("metadata", *DEFAULTS) if name in attrs}
    result |= {name: _single(attrs[name]) for name in _NUMBERS if name in attrs}
    losses = carries.lost("foundry", attrs)
    if attrs.get("name") is not None and attrs["name"] == attrs.get(NAME):
        losses = [loss for loss in losses if loss.path != "name"]
    if "{{" in str(attrs.get("instructions")):
        losses.append(Loss("instructions", _TEMPLATE, sent=True))
    if "tools" in attrs:
        result["tools"] = response_tools.reduced(tools.keyed(attrs["tools"]))
        losses += _limits(result["tools"])
    if "response_format" in attrs:
        result["response_format"] = response_tools.reduced_format(attrs["response_format"])
    return Expressed(result, tuple(losses))


def _single(value: Any) -> Any:
    """Return a number with the digits that a float32 keeps: the API's numbers are such."""
    return float(f"{value:.6g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


def _limits(keyed: Mapping[str, Mapping[str, Any]]) -> Iterator[Loss]:
    if len(keyed) > MAX_TOOLS:
        yield Loss("tools", f"{len(keyed)} tools; an agent holds at most {MAX_TOOLS}", fatal=True)
    stores = keyed.get("file_search", {}).get("vector_stores", ())
    if len(stores) > MAX_STORES:
        why = f"{len(stores)} vector stores; file_search of an agent takes one: put the documents in one store"
        yield Loss("tools/file_search", why, fatal=True)


def canonical(raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
    definition = raw.get("definition")
    if not isinstance(definition, Mapping):
        return {}
    reasoning, text = definition.get("reasoning") or {}, definition.get("text") or {}
    return {
        **({NAME: raw["name"]} if "name" in raw else {}),
        "description": raw.get("description") or None,
        **{name: _single(_or_default(definition.get(name), name)) for name in _PLAIN},
        **{name: reasoning.get(inner) for name, inner in _REASONING.items()},
        "tools": response_tools.canonical(filter(is_said, definition.get("tools") or ()), addresses),
        "response_format": response_tools.read_format(text.get("format") or {}),
        "metadata": dict(raw.get("metadata") or {}),
    }


def _or_default(value: Any, name: str) -> Any:
    return DEFAULTS[name] if value is None else value


def is_said(tool: Mapping[str, Any]) -> bool:
    """Whether a manifest can say such a tool; others stay as they are."""
    return tool["type"] in _SAID


def wire(attrs: Attrs, live: Mapping[str, Any] | None) -> Body:
    live = live or {}
    definition = {"kind": PROMPT, **(live.get("definition") or {})}
    for name in _PLAIN:
        if name in attrs:
            definition = response_tools.with_field(definition, name, attrs[name])
    for name, inner in _REASONING.items():
        if name in attrs:
            _set_inside(definition, "reasoning", inner, attrs[name])
    if "response_format" in attrs:
        _set_inside(definition, "text", "format", response_tools.wired_format(attrs["response_format"]))
    refs: tuple[tuple[str, str], ...] = ()
    if "tools" in attrs:
        found = _tools(attrs["tools"] or {}, _live_tools(live))
        definition = response_tools.with_field(definition, "tools", found or None)
        refs = response_tools.references(found, "/definition/tools")
    kept = {name: live[name] for name in ("description", "metadata", "blueprint_reference") if live.get(name)}
    said = {name: attrs[name] or empty for name, empty in _EMPTY.items() if name in attrs}
    return Body({"definition": definition, **kept, **said}, refs)


def _set_inside(definition: dict[str, Any], name: str, inner: str, value: Any) -> None:
    """Set a field of an object, or take it out, and the object with its last field."""
    found = response_tools.with_field(definition.pop(name, None), inner, value)
    if found:
        definition[name] = found


def _tools(keyed: Mapping[str, Mapping[str, Any]], live: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the tools that are declared, each with what is not declared of it, and those that no manifest can say."""
    before = {tools.key(tool): tool for tool in live}
    found = [_with_undeclared(tool, before.get(tools.key(tool), {})) for tool in response_tools.wired(keyed)]
    return [*found, *(tool for tool in live if not is_said(tool))]


def _with_undeclared(tool: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(tool)
    for name, value in live.items():
        if name in _SAID_INSIDE:
            inner = {key: one for key, one in (value or {}).items() if key not in _SAID_INSIDE[name]}
            result |= {name: {**inner, **tool.get(name, {})}} if inner else {}
        elif name not in _SAID[tool["type"]]:
            result[name] = value
    return result


def _live_tools(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    definition = raw.get("definition")
    found: Any = definition.get("tools") if isinstance(definition, Mapping) else None
    return found if response_tools.are_sound(found) else []


def _held(raw: Mapping[str, Any]) -> tuple[str, ...]:
    return response_tools.files(_live_tools(raw))


def _hold(body: Body, files: Sequence[tuple[str, bool]], live: Mapping[str, Any] | None) -> Body:
    """Set the files of the container; an agent without a code interpreter, which can hold none, stays as it is."""
    del live  # a version is always whole
    definition = dict(body.fields["definition"])
    if "tools" not in definition:
        return body
    definition["tools"], refs = response_tools.with_files(definition["tools"], files, "/definition/tools")
    return Body({**body.fields, "definition": definition}, (*body.refs, *refs))


def _takes(attrs: Attrs) -> bool:
    return "code_interpreter" in (attrs.get("tools") or {})


def _named(address: Address, attrs: Attrs) -> str:
    """Return the name of an agent: letters, digits and hyphens, at most 63, which a key never exceeds."""
    return attrs.get(NAME) or re.sub(r"[^a-z0-9]+", "-", address.name).strip("-")


def _version(raw: Mapping[str, Any]) -> str:
    return str(raw.get("version"))


def _news(keep: int | None, raw: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Say which version follows which, and who does not get it."""
    old = _version(raw)
    if not old.isdecimal():
        return ()
    found = [Reason(Why.VERSION, (f"{old} → {int(old) + 1}",))]
    if raw.get("stamped_version", old) != old:
        found.insert(0, Reason(Why.BY_HAND, (old,)))
    if served := pinned(raw):
        found.append(Reason(Why.PINNED, served))
    if keep and int(old) + 1 > keep:
        found.append(Reason(Why.VERSIONS_GO, (str(int(old) + 1 - keep),)))
    return tuple(found)


def pinned(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the versions that the agent's endpoint serves, whatever is the latest; none where it serves the latest."""
    endpoint = raw.get("agent_endpoint")
    selector = endpoint.get("version_selector") if isinstance(endpoint, Mapping) else None
    rules = selector.get("version_selection_rules") if isinstance(selector, Mapping) else None
    named = [rule.get("agent_version") for rule in rules or () if isinstance(rule, Mapping)]
    return tuple(str(one) for one in named if one and one != LATEST)


def _informed(settings: AccountSettings) -> Kind:
    return replace(KIND, versions=_versions(settings.keep_versions))


def _versions(keep: int | None) -> Versions:
    return Versions(_version, partial(_news, keep), Reason(Why.WHOLE_AGENT))


KIND = Kind(
    informed=_informed,
    defaults=DEFAULTS,
    nullable=NULLABLE,
    express=express,
    canonical=canonical,
    wire=wire,
    references=lambda raw: response_tools.stores(_live_tools(raw)),
    files=HeldIds(_held, _hold, _takes, "definition"),
    fields=("description", "definition", "metadata"),
    naming=Naming(NAME, _named),
    versions=_versions(None),
)
