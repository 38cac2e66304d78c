"""From a typed Python callable to a function definition, and whether the two still agree."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, Optional, get_type_hints

from deployer.errors import DeployerError
from deployer.functions.python.agreement import Handler, Taken, disagreements
from deployer.functions.python.docstrings import describe
from deployer.functions.rules import Finding


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter; `annotation` is Any where there is none, `default` is `...` where there is none that is known."""

    name: str
    annotation: Any
    annotated: bool
    required: bool
    default: Any
    description: str
    kind: Any


@dataclass(frozen=True, slots=True)
class Signature:
    """What an application can call, and how it is described."""

    name: str
    description: str
    arguments: tuple[Argument, ...]


def read(function: Callable[..., Any]) -> Signature:
    """Look into a function, method, class, partial or object with `__call__`; DeployerError where Python cannot."""
    plain = _plain(function)
    name = str(getattr(plain, "__name__", type(plain).__name__))
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError) as error:
        raise DeployerError(f"{name} tells no signature ({error}); wrap it in a function with annotations") from None
    hints, described = _hints(_written(plain), name), describe(_doc(plain))
    found = [_argument(parameter, hints, described.parameters) for parameter in parameters.values()]
    return Signature(name, described.text, tuple(found))


def _plain(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _written(plain: Any) -> Any:
    """Return what has the annotations: under decorators and `__call__`."""
    named = inspect.isclass(plain) or inspect.isroutine(plain)
    return inspect.unwrap(plain if named else type(plain).__call__)


def _doc(plain: Any) -> str:
    """Return the docstring; neither the one that a dataclass invents nor one that a class inherits is a description."""
    if inspect.isroutine(plain):
        return inspect.getdoc(plain) or ""
    if not inspect.isclass(plain):
        return inspect.cleandoc(type(plain).__call__.__doc__ or type(plain).__doc__ or "")
    doc = inspect.cleandoc(plain.__doc__ or "")
    return "" if doc.startswith(f"{plain.__name__}(") else doc


def _hints(written: Any, name: str) -> dict[str, Any]:
    sources = (written, written.__init__) if inspect.isclass(written) else (written,)
    try:
        return {key: hint for source in sources for key, hint in get_type_hints(source, include_extras=True).items()}
    except NameError as error:
        remedy = "import it outside of `if TYPE_CHECKING:`"
        raise DeployerError(f"an annotation of {name} names {error.name}, which its module lacks; {remedy}") from None
    except (AttributeError, TypeError, SyntaxError, ValueError) as error:
        raise DeployerError(f"an annotation of {name} cannot be evaluated ({error}); correct it") from None


def _argument(parameter: Parameter, hints: dict[str, Any], described: dict[str, str]) -> Argument:
    from pydantic.fields import FieldInfo

    name, annotated = parameter.name, parameter.annotation is not Parameter.empty
    annotation, default = hints.get(name, parameter.annotation) if annotated else Any, parameter.default
    required, default = default is Parameter.empty, ... if default is Parameter.empty else default
    if isinstance(default, FieldInfo):  # x: int = Field(3, description="…")
        annotation, required, default = Annotated[annotation, default], default.is_required(), _known(default.default)
    description = _description(getattr(annotation, "__metadata__", ())) or described.get(name, "")
    return Argument(name, annotation, annotated, required, default, description, parameter.kind)


def _known(default: Any) -> Any:
    from pydantic_core import PydanticUndefined

    return ... if default is PydanticUndefined else default


def _description(metadata: Iterable[Any]) -> str:
    """Return the last description in `Annotated`: a text, a pydantic Field, or a `Doc` (PEP 727)."""
    texts = [
        item if isinstance(item, str) else getattr(item, "description", None) or getattr(item, "documentation", None)
        for item in metadata
    ]
    return next((text for text in reversed(texts) if isinstance(text, str)), "")


Schema = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # public docs: FunctionObject.name
_COLLECTING = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


def from_callable(function: Callable[..., Any], *, strict: bool = False) -> Schema:
    """Return `{name, description, parameters}`, and `strict` when asked; DeployerError for what has no such form."""
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
    from deployer.functions.python.schema_form import tidy

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
    from deployer.functions.python.schema_form import strict_form

    properties = {name: strict_form(item, f"the parameter {name}") for name, item in parameters["properties"].items()}
    definitions = {name: strict_form(item, f"the type {name}") for name, item in parameters.get("$defs", {}).items()}
    strict = {**parameters, "properties": properties, "required": [*properties]}
    strict.pop("$defs", None)
    order = {key: strict[key] for key in ("type", "properties", "required", "additionalProperties")}
    return {**order, "$defs": definitions} if definitions else order
