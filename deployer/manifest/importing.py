"""What people have in hand, as resources of a manifest: dumps of APIs, state of Terraform, declarative agents, GPTs.

A form is known by what it must have. Whatever of it cannot be carried is named in a note; nothing is read but the data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deployer.engine import stamp
from deployer.engine.canonical import same
from deployer.functions import definitions
from deployer.kinds import Kind, agent, assistant, bundle, foundry, tools, vector_store
from deployer.manifest import import_shapes
from deployer.model import Attrs
from deployer.wording import listed

MODEL = "gpt-6-luna"
"""Stands where a file names no model."""
KNOWN_TOOLS = ("file_search", "code_interpreter", *tools.DEFAULTS)
_SHOWN = 5
_OF_NO_USE = ("id", "object", "created_at", "updated_at", "deleted", "version", "status")


@dataclass(frozen=True, slots=True)
class Imported:
    """One resource of a file: its canonical attrs, the id on its account ("" where it has none), and what got lost.

    `stores` are the ids of the vector stores that it searches.
    """

    kind: str
    live_id: str
    name: str
    attrs: Attrs
    notes: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotCarried:
    """A part of a file that becomes no resource, and why."""

    what: str


Found = Iterator[Imported | NotCarried]


def read(data: Any, name: str) -> Found:
    """Yield what is in the data of a file; nothing where its form is none that is known."""
    if isinstance(data, list):
        for one in data if not _are_functions(data) else ():
            yield from read(one, name)
        yield from _functions(data, name) if _are_functions(data) else ()
        return
    reader = next((read for fits, read in _FORMS if isinstance(data, Mapping) and fits(data)), _functions)
    yield from reader(data, name)


def _are_functions(data: Sequence[Any]) -> bool:
    return bool(data) and not any(isinstance(one, Mapping) and any(fits(one) for fits, _ in _FORMS) for one in data)


def _checked(shape: Any) -> Callable[[Callable[[Any, str], Found]], Callable[[Any, str], Found]]:
    """Let a reader see only what has the form that it reads; the rest is named."""

    def decorated(reader: Callable[[Any, str], Found]) -> Callable[[Any, str], Found]:
        def checked(data: Any, name: str) -> Found:
            odd: list[str] = []
            sound = import_shapes.sound(data, shape, "", odd)
            yield from reader(sound, name)
            yield from (NotCarried(f"{name}: {one} has a form that is unknown, and is not carried") for one in odd)

        return checked

    return decorated


def _named(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the tools that say what they are; a function does by its name."""
    return [one for one in found if one.get("type") and (one["type"] != "function" or _function_name(one))]


def _function_name(tool: Mapping[str, Any]) -> Any:
    return tool.get("name") or (tool.get("function") or {}).get("name")


# Objects of APIs


def _of_kind(kind: Kind, raw: Mapping[str, Any], known: Sequence[str], live_id: str, notes: Sequence[str]) -> Imported:
    """Read an object as its surface does; what is at the default is not declared."""
    inner = raw.get("parameters") or {}
    raw = {
        **raw,
        "tools": _named(raw.get("tools") or ()),
        **({"parameters": {**inner, "tools": _named(inner.get("tools") or ())}} if inner else {}),
    }
    stores = kind.references(raw)
    found = dict(kind.canonical(raw, {one: f"vector_store/{one}" for one in stores}))
    found["metadata"] = stamp.without(found.get("metadata"))
    found.pop("instructions_as", None)
    said = {
        name: value
        for name, value in found.items()
        if value is not None and not same(value, {} if name == "metadata" else kind.defaults.get(name))
    }
    told = [*notes, *_unknown(raw, (*known, *_OF_NO_USE))]
    if "tools" in said:
        others = [str(tool["type"]) for tool in said["tools"].values() if tool["type"] not in KNOWN_TOOLS]
        told += [f"the tool {one} is not carried: no manifest has it" for one in others]
        said["tools"] = {name: tool for name, tool in said["tools"].items() if tool["type"] in KNOWN_TOOLS}
    return Imported("assistant", live_id, str(said.get("name") or ""), _with_model(said, told), tuple(told), stores)


def _with_model(attrs: dict[str, Any], told: list[str]) -> dict[str, Any]:
    if not attrs.get("model"):
        told.append(f"the file names no model: {MODEL} stands for it")
    return {"model": MODEL, **attrs}


def _unknown(raw: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    empty: tuple[Any, ...] = (None, "", [], {}, False)
    return [f"{name} is not carried" for name, value in raw.items() if name not in known and value not in empty]


_ASSISTANT = (*assistant.DEFAULTS, "tools", "tool_resources", "file_ids", "metadata")


@_checked(import_shapes.SHAPE)
def _assistant(data: Mapping[str, Any], name: str) -> Found:
    """Assistants v2, and v1 with `retrieval` and `file_ids`."""
    del name
    raw, notes = {**data}, []
    raw["tools"] = [_newer(tool) for tool in raw.get("tools") or () if isinstance(tool, Mapping) and tool.get("type")]
    if raw.get("response_format") not in (None, "auto") and not isinstance(raw["response_format"], Mapping):
        notes.append(f"response_format: {raw.pop('response_format')!r} is not carried: no API has it")
    resources = found if isinstance(found := raw.get("tool_resources"), Mapping) else {}
    held = [*(raw.get("file_ids") or ()), *((resources.get("code_interpreter") or {}).get("file_ids") or ())]
    if held:
        notes.append(
            f"files {listed([str(one) for one in held], _SHOWN)}: the file has their ids only; "
            "declare the documents under files: of a vector store or the code interpreter"
        )
    if (resources.get("file_search") or {}).get("vector_stores"):
        notes.append("vector stores that were to be made with it are not carried: declare them under vector_stores:")
    yield _of_kind(assistant.KIND, raw, _ASSISTANT, str(data.get("id") or ""), notes)


def _newer(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    if tool["type"] == "retrieval":
        return {"type": "file_search"}
    inner = tool.get(tool["type"])
    cleaned = {name: one for name, one in inner.items() if name != "type"} if isinstance(inner, Mapping) else None
    return tool if cleaned is None else {**tool, tool["type"]: cleaned}


@_checked(import_shapes.SHAPE)
def _agent(data: Mapping[str, Any], name: str) -> Found:
    del name
    objects = ("reasoning", "text", "multi_agent", "compaction", "experimental")
    known = ("name", "model", "instructions", "tools", "metadata", "service_tier", *objects)
    others = [str(tool.get("type")) for tool in data.get("tools") or () if tool.get("type") not in tools.DEFAULTS]
    notes = [f"the tool {one} is not carried: no manifest has it" for one in others]
    found = _of_kind(agent.KIND, data, known, str(data.get("id") or ""), notes)
    form = found.attrs.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":  # agents have no name for it, a manifest does
        inner = {"name": "answer", **form["json_schema"]}
        attrs = {**found.attrs, "response_format": {**form, "json_schema": inner}}
        found = Imported(found.kind, found.live_id, found.name, attrs, found.notes, found.stores)
    yield found


_DEFINITION = ("kind", "model", "instructions", "tools", "temperature", "top_p", "reasoning", "text")


@_checked(import_shapes.SHAPE)
def _named_agent(data: Mapping[str, Any], name: str) -> Found:
    """An agent of Foundry by its latest version, a version of one, or the definition of one."""
    versions = data.get("versions") or {}
    version = versions.get("latest") or (data if "definition" in data else {"definition": data})
    definition = version.get("definition") or {}
    if definition.get("kind", foundry.PROMPT) != foundry.PROMPT:
        yield NotCarried(f"{name}: a {definition['kind']} agent is not carried: only prompt agents are declared")
        return
    found = _named(definition.get("tools") or ())
    others = [str(tool["type"]) for tool in found if not foundry.is_said(tool)]
    notes = [f"the tool {one} is not carried: no manifest has it" for one in others]
    notes += _unknown(definition, _DEFINITION)
    raw = {name: one for name, one in version.items() if name in ("name", "description", "metadata")}
    raw["definition"] = {**definition, "tools": found}
    called = str(raw.get("name") or "")
    yield replace(_of_kind(foundry.KIND, raw, (*raw,), called, notes), name=called)


_PARAMETERS = ("model", "instructions", "input", "tools", "text", "reasoning", "temperature", "top_p", "service_tier")


@_checked(import_shapes.SHAPE)
def _prompt(data: Mapping[str, Any], name: str) -> Found:
    """A prompt object, or the parameters of a response: what a bundle says, flat."""
    raw = {**data, **(data["prompt"] if isinstance(data.get("prompt"), Mapping) else {})}
    notes = (
        [f"variables {listed([*map(str, raw['variables'])], _SHOWN)} are not carried"] if raw.get("variables") else []
    )
    messages = [one for one in raw.get("messages") or () if isinstance(one, Mapping)]
    leading = next((one for one in messages if one.get("role") in ("developer", "system")), None)
    if leading and not raw.get("instructions"):
        raw["instructions"] = _text_of(leading.get("content"))
    if len(messages) > bool(leading):
        notes.append(f"{len(messages) - bool(leading)} messages that it begins with are not carried")
    beside = {"name": raw.get("name") or None, "description": raw.get("description") or None}
    parameters = {field: raw[field] for field in (*_PARAMETERS, "metadata") if raw.get(field) is not None}
    known = (*_PARAMETERS, "name", "description", "metadata", "messages", "variables", "prompt", "parameters")
    live = str(raw.get("id") or "")
    yield _of_kind(bundle.KIND, {**raw, **beside, "parameters": parameters}, known, "", [*notes, *_gone(live, name)])


def _gone(live_id: str, name: str) -> list[str]:
    del name
    return [f"{live_id} itself cannot be adopted: a prompt object is no assistant"] if live_id else []


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


@_checked(import_shapes.SHAPE)
def _bundle(data: Mapping[str, Any], name: str) -> Found:
    del name
    raw = {**{one: data.get(one) for one in ("name", "description")}, "parameters": data["parameters"]}
    yield _of_kind(bundle.KIND, raw, ("name", "description", "parameters"), "", ())


@_checked(import_shapes.SHAPE)
def _store(data: Mapping[str, Any], name: str) -> Found:
    del name
    live_id, held = str(data.get("id") or ""), data.get("file_ids") or ()
    metadata = {"metadata": kept} if (kept := stamp.without(data.get("metadata"))) else {}
    attrs = {one: data[one] for one in vector_store.DEFAULTS if data.get(one)} | metadata
    notes = (
        [f"files {listed([str(one) for one in held], _SHOWN)}: the file has their ids only; declare files:"]
        if held
        else []
    )
    known = ("name", "expires_after", "metadata", "file_ids", "file_counts", "usage_bytes", "bytes", "expires_at")
    told = (*notes, *_unknown(data, (*known, "last_active_at", *_OF_NO_USE)))
    yield Imported("vector_store", live_id, str(data.get("name") or ""), attrs, told)


def _page(data: Mapping[str, Any], name: str) -> Found:
    for one in data["data"]:
        yield from read(one, name)
    if data.get("has_more"):
        yield NotCarried("this is one page of a list, and there is more (has_more): import the other pages, too")


# Terraform


_BLOCKS = ("function", "file_search", "code_interpreter", "ranking_options", "tool_resources", "expires_after")


@_checked(import_shapes.STATE)
def _terraform(data: Mapping[str, Any], name: str) -> Found:
    readers: Mapping[str, Callable[[Mapping[str, Any], str], Found]] = {
        "openai_assistant": _assistant,
        "openai_vector_store": _store,
    }
    for resource in data["resources"]:
        kind, called = str(resource.get("type")), f"{resource.get('type')}.{resource.get('name')}"
        for instance in resource.get("instances") or ():
            attributes = instance.get("attributes") or {}
            if kind in readers:
                yield from readers[kind](_unblocked(attributes), name)
            elif kind == "openai_file":
                what = f"{attributes.get('filename') or '?'} ({attributes.get('id')})"
                yield NotCarried(f"{called}: the document {what} is not in the state; declare it under files:")
            else:
                yield NotCarried(f"{called} is not carried")


def _unblocked(value: Any, key: str = "") -> Any:
    """Undo what Terraform does to objects: a block is a list of one, a schema is JSON text."""
    if isinstance(value, list) and key in _BLOCKS and len(value) <= 1:
        return _unblocked(value[0]) if value else None
    if isinstance(value, list):
        return [_unblocked(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _unblocked(one, name) for name, one in value.items()}
    if isinstance(value, str) and key in ("parameters", "response_format") and value[:1] == "{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


# Microsoft's declarative agents


_TOOLS = {"function": "function", "codeinterpreter": "code_interpreter", "filesearch": "file_search"}
_TOOLS |= {"websearch": "web_search", "mcp": "mcp"}


def _with_settings(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model may be its id alone."""
    return {**data, "model": {"id": data["model"]}} if isinstance(data.get("model"), str) else data


@_checked(import_shapes.DECLARATIVE)
def _declarative(data: Mapping[str, Any], name: str) -> Found:
    del name
    model = data.get("model")
    settings = model or {}
    options = settings.get("options") or {}
    told: list[str] = []
    attrs = {
        "name": data.get("displayName") or data.get("name"),
        "description": data.get("description"),
        "model": settings.get("id"),
        "instructions": "\n\n".join(filter(None, (data.get("instructions"), data.get("additionalInstructions"))))
        or None,
        "temperature": options.get("temperature"),
        "top_p": options.get("topP"),
    }
    found = {field: value for field, value in attrs.items() if value is not None}
    made = [_declared_tool(tool, told) for tool in data.get("tools") or () if isinstance(tool, Mapping)]
    keyed = tools.keyed(one for one in made if one)
    known = ("kind", "name", "displayName", "description", "model", "instructions", "additionalInstructions", "tools")
    told += _unknown(data, known)
    told += [f"model.{one}" for one in _unknown(settings, ("id", "options"))]
    told += [f"model.options.{one}" for one in _unknown(options, ("temperature", "topP"))]
    whole = _with_model({**found, **({"tools": keyed} if keyed else {})}, told)
    yield Imported("assistant", "", str(found.get("name") or ""), whole, tuple(told))


def _declared_tool(tool: Mapping[str, Any], told: list[str]) -> dict[str, Any] | None:
    kind = _TOOLS.get(str(tool.get("kind", "")).replace("_", "").lower())
    called = str(tool.get("name") or tool.get("kind"))
    if kind == "function" and tool.get("name"):
        return {
            **_kept(tool, "name", "description", "strict"),
            "type": kind,
            "parameters": _schema(tool.get("parameters")),
        }
    if kind == "mcp" and tool.get("url"):
        label = str(tool.get("serverName") or tool.get("name") or "server")
        return {"type": kind, "server_label": label, "transport": {"type": "http", "server_url": tool["url"]}}
    if kind in ("code_interpreter", "file_search", "web_search"):
        if extra := [one for one in tool if one not in ("kind", "name", "description")]:
            told.append(f"the tool {called}: {listed(extra, _SHOWN)} is not carried")
        return {"type": kind}
    told.append(f"the tool {called} is not carried: no manifest has it")
    return None


def _kept(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value[name] for name in names if value.get(name) is not None}


def _schema(value: Any) -> dict[str, Any]:
    """Return a JSON Schema of parameters that are declared with `kind` and `required` on each."""
    if not isinstance(value, Mapping):
        return {"type": "object", "properties": {}}
    if "type" in value:
        return dict(value)
    properties = value.get("properties", value)
    listed_ones = properties if isinstance(properties, list) else ()
    named = {str(one["name"]): one for one in listed_ones if isinstance(one, Mapping) and one.get("name")}
    named |= dict(properties) if isinstance(properties, Mapping) else {}
    schemas = {
        name: {("type" if key == "kind" else key): one for key, one in each.items() if key not in ("required", "name")}
        for name, each in named.items()
        if isinstance(each, Mapping)
    }
    required = [name for name, each in named.items() if isinstance(each, Mapping) and each.get("required") is True]
    return {"type": "object", "properties": schemas, **({"required": required} if required else {})}


# GPTs, and functions


@_checked(import_shapes.GPT)
def _gpt(data: Mapping[str, Any], name: str) -> Found:
    """A GPT of ChatGPT: its export, or what people keep of its form."""
    del name
    inner = data["gizmo"] if isinstance(data.get("gizmo"), Mapping) else data
    display = inner.get("display") or inner
    told = [
        f"{one} is not carried: a GPT's own" for one in ("prompt_starters", "conversation_starters") if display.get(one)
    ]
    able = inner.get("capabilities") or ()
    chosen = [name for name, on in able.items() if on] if isinstance(able, Mapping) else able
    listed_tools = [*(inner.get("tools") or ()), *(data.get("tools") or ()), *chosen]
    kinds = {"python": "code_interpreter", "code_interpreter": "code_interpreter", "browser": "web_search"}
    kinds |= {"web_browsing": "web_search", "web_search": "web_search", "file_search": "file_search"}
    made: dict[str, dict[str, Any]] = {}
    for tool in listed_tools:
        kind = str(tool.get("type") if isinstance(tool, Mapping) else tool)
        if kind in kinds:
            made[kinds[kind]] = {"type": kinds[kind]}
        else:
            told.append(f"the tool {kind} is not carried: no manifest has it")
    documents = [*(inner.get("files") or ()), *(data.get("files") or ())]
    names = [str(one.get("name") or one.get("id")) if isinstance(one, Mapping) else str(one) for one in documents]
    told += [f"documents {listed(names, _SHOWN)}: declare them under vector_stores:"] if names else []
    if inner.get("actions") or data.get("actions"):
        told.append("actions are not carried: import their OpenAPI document, which makes functions of them")
    attrs = _kept(
        {**inner, **display, "instructions": inner.get("instructions")}, "name", "description", "instructions"
    )
    whole = _with_model({**attrs, **({"tools": made} if made else {})}, told)
    yield Imported("assistant", "", str(attrs.get("name") or ""), whole, tuple(told))


def _functions(data: Any, name: str) -> Found:
    """Functions of any shape become those of one assistant, which is called as the file."""
    found: list[Mapping[str, Any]] = []
    for one in definitions.read(data):
        if isinstance(one, definitions.Unread):
            where = "/".join(map(str, one.at))
            yield NotCarried(f"{name}: {where or 'the file'} is nothing that can be imported")
        elif one.shape in (definitions.SCHEMA, definitions.FORMAT):
            yield NotCarried(f"{name}: {definitions.SHAPES[one.shape]} is no function: declare it where it belongs")
        else:
            found.append(one.function)
    if found:
        told: list[str] = []
        functions = [{**_kept(one, "name", "description", "parameters", "strict"), "type": "function"} for one in found]
        attrs = _with_model({"tools": tools.keyed(functions)}, told)
        yield Imported("assistant", "", name.rpartition("/")[2].partition(".")[0], attrs, tuple(told))


def _is(name: str, prefix: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return whether data is an object of an API: it says so, or its id does."""
    return lambda data: data.get("object") == name or str(data.get("id", "")).startswith(prefix)


def _is_gpt(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("gizmo"), Mapping) or (
        isinstance(data.get("instructions"), str) and ("conversation_starters" in data or "capabilities" in data)
    )


_FORMS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Any, str], Found]], ...] = (
    (lambda data: isinstance(data.get("data"), list) and data.get("object", "list") == "list", _page),
    (lambda data: "terraform_version" in data and isinstance(data.get("resources"), list), _terraform),
    (lambda data: "bundle" in data and isinstance(data.get("parameters"), Mapping), _bundle),
    (lambda data: data.get("object") == "agent.version" or isinstance(data.get("versions"), Mapping), _named_agent),
    (lambda data: data.get("kind") == foundry.PROMPT and isinstance(data.get("model"), str), _named_agent),
    (
        lambda data: str(data.get("kind", "")).lower() == "prompt",
        lambda data, name: _declarative(_with_settings(data), name),
    ),
    (_is("agent", "agent_"), _agent),
    (_is("vector_store", "vs_"), _store),
    (_is("prompt", "pmpt_"), _prompt),
    (_is_gpt, _gpt),
    (_is("assistant", "asst_"), _assistant),
)
"""Each form: by what it is known, and how it is read."""
