"""From a typed Python callable to a function definition, and whether the two still agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any, Optional

from deployer.errors import DeployerError
from deployer.functions.finding import Finding
from deployer.functions.python.agreement import Handler, Taken, disagreements
from deployer.functions.python.signatures import Argument, Signature, read

Schema = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # public docs: FunctionObject.name
_COLLECTING = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


def from_callable(function: Callable[..., Any], *, strict: bool = False) -> Schema:
    """Give `{name, description, parameters}`, and `strict` when asked; DeployerError for what has no such form."""
    signature = read(function)
    _accept(signature)
    parameters = _parameters(signature)
    definition: Schema = {"name": signature.name}
    if signature.description:
        definition["description"] = signature.description
    return definition | ({"parameters": _strict(parameters), "strict": True} if strict else {"parameters": parameters})


def notes(function: Callable[..., Any]) -> tuple[str, ...]:
    """What the callable leaves unsaid: a model will have to guess it."""
    signature = read(function)
    silent = [] if signature.description else [f"{signature.name} has no docstring: a model cannot tell what it is for"]
    untyped = [
        f"the parameter {item.name} has no annotation: any value is admitted"
        for item in signature.arguments
        if not item.annotated
    ]
    unexplained = [item.name for item in signature.arguments if not item.description]
    return (*silent, *untyped, *(f"the parameter {name} has no description" for name in unexplained))


def agreement(definition: Mapping[str, Any], function: Callable[..., Any]) -> tuple[Finding, ...]:
    """Whether each call that the definition admits is one that the callable takes: names, required, types, defaults."""
    from deployer.functions.python.python_types import json_value, schemas

    arguments = [item for item in read(function).arguments if item.kind not in _COLLECTING]
    described = schemas({item.name: _annotation(item) for item in arguments})
    taken = tuple(
        Taken(
            item.name,
            described.found.get(item.name),
            required=item.required,
            default=json_value(item.default),
            by_name=item.kind is not Parameter.POSITIONAL_ONLY,
        )
        for item in arguments
    )
    open_ = any(item.kind is Parameter.VAR_KEYWORD for item in read(function).arguments)
    return disagreements(definition, Handler(taken, described.definitions, open=open_))


def _accept(signature: Signature) -> None:
    if not _NAME.fullmatch(signature.name):
        raise DeployerError(
            f"{signature.name!r} cannot be the name of a function; use 1 to 64 letters, digits, _ and - of ASCII"
        )
    for item in signature.arguments[:1]:
        if item.name in ("self", "cls") and not item.annotated:
            raise DeployerError(f"{signature.name} is a method and needs an instance; name a bound one, or a function")
    for item in signature.arguments:
        _accept_kind(signature.name, item)


def _accept_kind(name: str, item: Argument) -> None:
    if item.kind in _COLLECTING:
        stars = _COLLECTING[item.kind]
        raise DeployerError(f"{name} takes {stars}{item.name}, which no schema describes; write the parameters out")
    if item.kind is Parameter.POSITIONAL_ONLY:
        raise DeployerError(f"{name} takes {item.name} only by position, a call names it; remove the / after it")


def _parameters(signature: Signature) -> Schema:
    from deployer.functions.python.python_types import schemas
    from deployer.functions.python.tidy import tidy

    described = schemas({item.name: _annotation(item) for item in signature.arguments})
    for name, why in described.refused.items():
        raise DeployerError(f"the parameter {name} of {signature.name} has a type without JSON form: {why}")
    properties = {item.name: _property(item, described.found[item.name]) for item in signature.arguments}
    required = [item.name for item in signature.arguments if item.required]
    parameters: Schema = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    return tidy({**parameters, "additionalProperties": False, "$defs": described.definitions})


def _annotation(item: Argument) -> Any:
    """`x: str = None` means Optional, as it did before PEP 484 changed its mind."""
    return Optional[item.annotation] if item.default is None and item.annotated else item.annotation  # noqa: UP045


def _property(item: Argument, schema: Schema) -> Schema:
    """What the signature says wins: `Annotated[int, Field(default=3)]` has no default in a plain call."""
    from deployer.functions.python.python_types import json_value

    result = {key: value for key, value in schema.items() if key not in ("default", "description")}
    description = item.description or schema.get("description", "")
    default = json_value(item.default)
    return {
        **result,
        **({"description": description} if description else {}),
        **({} if default is ... else {"default": default}),
    }


def _strict(parameters: Schema) -> Schema:
    from deployer.functions.python.strict_form import strict_form

    properties = {name: strict_form(item, f"the parameter {name}") for name, item in parameters["properties"].items()}
    definitions = {name: strict_form(item, f"the type {name}") for name, item in parameters.get("$defs", {}).items()}
    strict = {**parameters, "properties": properties, "required": [*properties]}
    strict.pop("$defs", None)
    order = {key: strict[key] for key in ("type", "properties", "required", "additionalProperties")}
    return {**order, "$defs": definitions} if definitions else order
