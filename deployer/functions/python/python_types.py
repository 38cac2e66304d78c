"""JSON Schema of Python annotations, by pydantic. Import it lazily: pydantic is not cheap."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, SchemaError, to_jsonable_python

from deployer.functions.python.typed_dicts import readable

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Schemas:
    """One schema for each annotation, the definitions that they share, and why others have none."""

    found: dict[str, Schema]
    definitions: dict[str, Schema]
    refused: dict[str, str]


class _Plain(GenerateJsonSchema):
    """What JSON cannot hold is left out in silence: a default that is an object of Python, a branch of a union."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 (as pydantic declares it)

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


def schemas(annotations: Mapping[str, Any]) -> Schemas:
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
    return Schemas({name: schema for (name, _), schema in found.items()}, shared.get("$defs", {}), refused)


def json_value(value: Any) -> Any:
    """Give the value as JSON has it, sets in order; `...` where JSON has none."""
    try:
        plain = to_jsonable_python(value)
        if isinstance(value, set | frozenset):
            plain = sorted(plain)
        return json.loads(json.dumps(plain, allow_nan=False))
    except (PydanticSerializationError, TypeError, ValueError):
        return ...
