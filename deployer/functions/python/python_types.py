"""JSON Schema of Python annotations, by pydantic. Import it lazily: pydantic is not cheap."""

from __future__ import annotations

import functools
import inspect
import json
import operator
import sys
import types
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, SchemaError, to_jsonable_python

from deployer.functions.python.agreement import NOT_REQUIRED


def readable(annotation: Any) -> Any:
    """Return the annotation with its TypedDicts remade; inside of dataclasses and named tuples they stay as they are.

    Before Python 3.12 pydantic reads only those of typing_extensions.
    """
    return annotation if sys.version_info >= (3, 12) else _remade(annotation, {})


def _remade(annotation: Any, known: dict[Any, Any]) -> Any:
    if is_typeddict(annotation) and type(annotation).__module__ == "typing":
        return known.get(annotation) or _typed_dict(annotation, known)
    parts, origin = get_args(annotation), get_origin(annotation)
    if origin is Literal:
        return annotation
    remade = tuple(_remade(part, known) for part in parts)
    if all(new is old for new, old in zip(remade, parts, strict=True)):
        return annotation
    if origin is Annotated:
        return Annotated[(_remade(annotation.__origin__, known), *annotation.__metadata__)]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, remade)
    return annotation.copy_with(remade) if hasattr(annotation, "copy_with") else origin[remade]


def _typed_dict(old: Any, known: dict[Any, Any]) -> Any:
    """Make the twin first and fill it then: a TypedDict may contain itself."""
    from typing_extensions import TypedDict

    hints = get_type_hints(old, include_extras=True)
    fields: dict[str, Any] = {
        name: Required[Any] if name in old.__required_keys__ else NotRequired[Any] for name in hints
    }
    make: Any = TypedDict  # mypy wants literal fields
    new = known[old] = make(old.__name__, fields)
    new.__doc__, new.__module__ = old.__doc__, old.__module__
    new.__annotations__ = {name: _remade(hint, known) for name, hint in hints.items()}
    return new


Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DescribedTypes:
    """One schema for each annotation, the definitions that they share, and why others have none."""

    found: dict[str, Schema]
    definitions: dict[str, Schema]
    refused: dict[str, str]


class _Plain(GenerateJsonSchema):
    """What JSON cannot hold is left out in silence: a default that is an object of Python, a branch of a union."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 (as pydantic declares it)

    def model_schema(self, schema: Any) -> Schema:
        return _attributes(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: Any) -> Schema:
        return _attributes(super().dataclass_schema(schema), schema["cls"])

    def typed_dict_schema(self, schema: Any) -> Schema:
        found = _attributes(super().typed_dict_schema(schema), schema.get("cls"))
        always = found.get("required", [])
        properties = {
            name: inner if name in always else {**inner, NOT_REQUIRED: True}
            for name, inner in found.get("properties", {}).items()
        }
        return {**found, "properties": properties}

    def decimal_schema(self, schema: Any) -> Schema:
        """A number: the text that pydantic also takes has a pattern with lookaround, which the API refuses."""
        found = super().decimal_schema(schema)
        return next((one for one in found.get("anyOf", ()) if one.get("type") == "number"), found)

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def named_tuple_schema(self, schema: Any) -> Schema:
        """It is sent as a list: its names tell what stands where."""
        names = ", ".join(field["name"] for field in schema["fields"])
        return {**super().named_tuple_schema(schema), "description": f"In this order: {names}"}

    def encode_default(self, dft: Any) -> Any:
        value = json_value(dft)
        if value is ...:
            raise PydanticSerializationError(f"JSON has no form for {type(dft).__name__}")
        return value


def _attributes(schema: Schema, cls: Any) -> Schema:
    """Let the section `Attributes:` of a docstring describe fields that say nothing themselves."""
    from deployer.functions.python.docstrings import describe

    described = describe(inspect.cleandoc(getattr(cls, "__doc__", None) or ""))
    if not described.parameters or not isinstance(schema.get("properties"), dict):
        return schema
    names = {_sent_name(cls, name): text for name, text in described.parameters.items()}
    properties = {
        name: {**inner, "description": names[name]} if name in names and "description" not in inner else inner
        for name, inner in schema["properties"].items()
    }
    result = {**schema, "properties": properties}
    if described.text and "description" in schema:
        result["description"] = described.text
    return result


def _sent_name(cls: Any, name: str) -> str:
    """Return the alias by which a field is accepted."""
    known = getattr(getattr(cls, "model_fields", {}).get(name), "validation_alias", None)
    return known if isinstance(known, str) else name


def schemas(annotations: Mapping[str, Any]) -> DescribedTypes:
    """Describe each annotation as input: what a model sends, not what Python makes of it."""
    adapters: dict[str, TypeAdapter[Any]] = {}
    refused: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # aliases and the like, which mean nothing on a parameter
        for name, annotation in annotations.items():
            try:
                adapters[name] = TypeAdapter(readable(annotation))
                adapters[name].json_schema(schema_generator=_Plain)
            except (PydanticUserError, SchemaError, NameError, TypeError, ValueError) as error:
                refused[name] = str(error).partition("\n")[0]
                adapters.pop(name, None)
        inputs = [(name, "validation", adapter) for name, adapter in adapters.items()]
        found, shared = TypeAdapter.json_schemas(inputs, schema_generator=_Plain)  # type: ignore[arg-type]
    return DescribedTypes({name: schema for (name, _), schema in found.items()}, shared.get("$defs", {}), refused)


def json_value(value: Any) -> Any:
    """Return the value as JSON has it, sets in order; `...` where JSON has none."""
    try:
        plain = to_jsonable_python(value)
        if isinstance(value, set | frozenset):
            plain = sorted(plain)
        return json.loads(json.dumps(plain, allow_nan=False))
    except (PydanticSerializationError, TypeError, ValueError):
        return ...
