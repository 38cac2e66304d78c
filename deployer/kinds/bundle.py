"""The `assistant` kind on Responses, which persists no such object: a bundle, the parameters of `responses.create`.

A bundle is a file that an application loads (schemas/bundle.schema.json). It says all that is sent with each request,
so what a field lacks is the API's default. Fields: the SDK's `types/responses/response_create_params.py`. From GPT-6.2
on the API puts `instructions` after the input, so what is to hold for a whole conversation is its first item, a
developer message (guides/latest-model/gpt-6.2-astra, 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from deployer.catalogue import DEVELOPER, INSTRUCTIONS, Catalogue, catalogue
from deployer.kinds import carries, response_tools, tools
from deployer.kinds.base import Body, Expressed, FileForm, HeldIds, Kind, Loss, StampHome
from deployer.model import Attrs, FieldChange

VERSION = 1
DEFAULTS: Attrs = MappingProxyType(
    {
        "name": None,
        "description": None,
        "model": None,
        "instructions": None,
        "instructions_as": None,
        "tools": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "reasoning.summary": None,
        "text.verbosity": "medium",
        "response_format": "auto",
        "service_tier": "auto",
    }
)
NULLABLE = frozenset(DEFAULTS) - {"model", "tools", "instructions_as"}
"""What is null is left out of a bundle, and what a request leaves out has its default."""
MAX_TOOLS = 128
_BESIDE = ("name", "description")
_PLAIN = ("model", "temperature", "top_p", "service_tier")
_INSIDE = {
    "reasoning_effort": ("reasoning", "effort"),
    "reasoning.summary": ("reasoning", "summary"),
    "text.verbosity": ("text", "verbosity"),
}
_ORDER = ("model", "instructions", "input", "tools", "text", "reasoning", *_PLAIN[1:], "metadata")
_PREFIX = ("model", "instructions", "instructions_as")


def _express(known: Catalogue, attrs: Attrs) -> Expressed:
    """Leave out what the model refuses: every request of the application would fail."""
    facts = known.capable(str(attrs.get("model")))
    refused = [name for name in facts.refuses if name in attrs and facts.refused(name, attrs[name])]
    result = {name: attrs[name] for name in ("metadata", *DEFAULTS) if name in attrs and name not in refused}
    losses = carries.lost("responses", attrs)
    why = f"the model {attrs.get('model')!r} refuses it ({facts.refusal_source})"
    losses += [Loss(name, why, field=name) for name in refused]
    if "instructions" in attrs:
        result["instructions_as"] = facts.instructions
    if "tools" in attrs:
        result["tools"] = response_tools.reduced(tools.keyed(attrs["tools"]))
        if len(result["tools"]) > MAX_TOOLS:
            why = f"{len(result['tools'])} tools; a response takes at most {MAX_TOOLS}"
            losses.append(Loss("tools", why, fatal=True))
    if "response_format" in attrs:
        result["response_format"] = response_tools.reduced_format(attrs["response_format"])
    return Expressed(result, tuple(losses))


def canonical(raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
    """Return every field: a bundle says all that it is, so what is not there has its default."""
    parameters = raw.get("parameters")
    if not isinstance(parameters, Mapping):
        return {}
    place, text = _instructions(parameters)
    return {
        **{name: raw[name] for name in _BESIDE if name in raw},
        **{name: parameters.get(name, DEFAULTS[name]) for name in _PLAIN},
        "instructions": text,
        "instructions_as": place,
        "tools": response_tools.canonical(parameters.get("tools") or (), addresses),
        **{name: (parameters.get(field) or {}).get(inner, DEFAULTS[name]) for name, (field, inner) in _INSIDE.items()},
        "response_format": response_tools.read_format((parameters.get("text") or {}).get("format") or {}),
        "metadata": dict(parameters.get("metadata") or {}),
    }


def _instructions(parameters: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return where the instructions stand, and their text."""
    if parameters.get("instructions") is not None:
        return INSTRUCTIONS, parameters["instructions"]
    first: Mapping[str, Any] = next(iter(parameters.get("input") or ()), {})
    return (DEVELOPER, first["content"]) if first.get("role") == DEVELOPER else (None, None)


def wire(attrs: Attrs, live: Mapping[str, Any] | None) -> Body:
    """Return the parameters whole: what somebody added to them stays."""
    parameters = dict((live or {}).get("parameters") or {})
    parameters |= {name: attrs[name] for name in (*_PLAIN, "metadata") if name in attrs}
    if "instructions" in attrs or "instructions_as" in attrs:
        place, text = _instructions(parameters)
        _place(parameters, attrs.get("instructions_as", place), attrs.get("instructions", text))
    refs: tuple[tuple[str, str], ...] = ()
    if "tools" in attrs:
        parameters["tools"] = response_tools.wired(attrs["tools"] or {})
        refs = response_tools.references(parameters["tools"], "/parameters/tools")
    for name, (field, inner) in _INSIDE.items():
        if name in attrs:
            said = None if attrs[name] == DEFAULTS[name] else attrs[name]
            parameters[field] = response_tools.with_field(parameters.get(field), inner, said)
    if "response_format" in attrs:
        parameters["text"] = response_tools.with_field(
            parameters.get("text"), "format", response_tools.wired_format(attrs["response_format"])
        )
    beside = {name: attrs[name] for name in _BESIDE if name in attrs}
    return Body({**beside, "parameters": _ordered(parameters)}, refs)


def _place(parameters: dict[str, Any], place: str | None, text: str | None) -> None:
    before = parameters.pop("input", None) or []
    rest = before[1:] if before and before[0].get("role") == DEVELOPER else before
    parameters.pop("instructions", None)
    if text is not None and place == DEVELOPER:
        rest = [{"role": DEVELOPER, "content": text}, *rest]
    elif text is not None:
        parameters["instructions"] = text
    if rest:
        parameters["input"] = rest


def _ordered(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return them in the order of a reader; what says the default is left out."""
    empty: tuple[Any, ...] = ({}, [], None)
    said = {name: one for name, one in parameters.items() if one not in empty and not _is_default(name, one)}
    return {name: said[name] for name in (*_ORDER, *said) if name in said}


def _is_default(name: str, value: Any) -> bool:
    return name in _PLAIN and value == DEFAULTS[name]


def references(raw: Mapping[str, Any]) -> tuple[str, ...]:
    return response_tools.stores(_live_tools(raw))


def _held(raw: Mapping[str, Any]) -> tuple[str, ...]:
    return response_tools.files(_live_tools(raw))


def _live_tools(raw: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    parameters = raw.get("parameters")
    found: Any = parameters.get("tools") if isinstance(parameters, Mapping) else None
    return found if response_tools.are_sound(found) else []


def _hold(body: Body, files: Sequence[tuple[str, bool]], live: Mapping[str, Any] | None) -> Body:
    """Set the files of the container; a bundle without a code interpreter, which can hold none, stays as it is."""
    del live  # the parameters are always whole
    parameters = dict(body.fields["parameters"])
    if "tools" not in parameters:
        return body
    parameters["tools"], refs = response_tools.with_files(parameters["tools"], files, "/parameters/tools")
    return Body({**body.fields, "parameters": parameters}, (*body.refs, *refs))


def _takes(attrs: Attrs) -> bool:
    return "code_interpreter" in (attrs.get("tools") or {})


def _consequence(fields: Sequence[FieldChange], attrs: Attrs) -> str:
    """A changed prefix drops reasoning items, without an error (guides/keep-prefix-unchanged, 2026-11)."""
    changed = sorted({field.path[0] for field in fields} & {*_PREFIX} - {"instructions_as"})
    if not changed or attrs.get("instructions_as") != DEVELOPER:
        return ""
    return f"running conversations lose their reasoning: {' and '.join(changed)} of their beginning changes"


# The file


def _file_name(envelope: Mapping[str, Any]) -> str | None:
    owner = str((envelope["stamp"] or {}).get("deployer", ""))
    return owner.rpartition("/")[2] or None


def _filed(envelope: Mapping[str, Any]) -> dict[str, Any]:
    stamp, found = envelope["stamp"] or {}, envelope["object"]
    project, _, address = str(stamp.get("deployer", "")).partition("/")
    beside = {name: found[name] for name in _BESIDE if found.get(name) is not None}
    return {
        "bundle": VERSION,
        "id": envelope["id"],
        **beside,
        "parameters": found["parameters"],
        "provenance": {
            "project": project,
            "address": address,
            "commit": stamp.get("deployer_origin", ""),
            "created_at": envelope["created_at"],
            "stamp": envelope["stamp"],
        },
    }


def _unfiled(data: Mapping[str, Any]) -> dict[str, Any] | None:
    provenance, parameters = data.get("provenance"), data.get("parameters")
    if data.get("bundle") != VERSION or not isinstance(provenance, dict) or not _is_sound(parameters):
        return None
    return {
        "id": data.get("id"),
        "created_at": provenance.get("created_at"),
        "stamp": provenance.get("stamp"),
        "object": {**{name: data.get(name) for name in _BESIDE}, "parameters": parameters},
    }


def _is_sound(parameters: Any) -> bool:
    """Whether they have a form that can be compared; what the API makes of them is another matter."""
    if not isinstance(parameters, dict):
        return False
    objects = [parameters.get(name) or {} for name in ("text", "reasoning", "metadata")]
    if not all(isinstance(one, dict) for one in objects):
        return False
    lists = response_tools.is_list_of_objects(parameters.get("input") or [])
    text = parameters.get("instructions") or ""
    formed = isinstance(objects[0].get("format") or {}, dict) and isinstance(text, str)
    return lists and formed and response_tools.are_sound(parameters.get("tools") or [])


def _kind(known: Callable[[], Catalogue]) -> Kind:
    return Kind(
        defaults=DEFAULTS,
        nullable=NULLABLE,
        express=lambda attrs: _express(known(), attrs),
        canonical=canonical,
        wire=wire,
        references=references,
        files=HeldIds(_held, _hold, _takes, "parameters"),
        ownership=StampHome.BESIDE,
        fields=(*_BESIDE, "parameters"),
        consequence=_consequence,
        informed=lambda settings: _kind(cache(lambda: catalogue().overridden(settings.models))),
        file=FileForm(_file_name, _filed, _unfiled),
    )


KIND = _kind(catalogue)
