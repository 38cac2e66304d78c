"""From a typed Python callable to a function definition, and whether the two still agree.

A class that says itself what it takes (a pydantic model, a dataclass, a TypedDict) is described by its own schema:
descriptions, bounds, and aliases as it accepts them. Everything else is described by its signature.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from inspect import Parameter
from typing import Annotated, Any, Optional, Union, get_args, get_origin, get_type_hints, is_typeddict

from deployer.errors import DeployerError
from deployer.functions.python.agreement import Handler, Taken, disagreements, is_context
from deployer.functions.python.docstrings import describe
from deployer.functions.rules import Finding

Schema = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # public docs: FunctionObject.name
_UNIONS = (Union, type(int | str))


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
    """What an application can call, and how it is described; `left_out` says what no model sends, and why.

    `model` is the class itself where its own schema says what it takes; `instance` names the parameter of a method for
    what it belongs to.
    """

    name: str
    description: str
    arguments: tuple[Argument, ...]
    left_out: tuple[str, ...] = ()
    model: Any = None
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters as a schema, each with what it needs; `others` is the schema of `**kwargs`, None without."""

    properties: Schema
    required: list[str]
    definitions: Schema
    others: Any = None
    defaults: Mapping[str, Any] = field(default_factory=dict)


def read(function: Callable[..., Any]) -> Signature:
    """Look into a function, method, class, partial or object with `__call__`; DeployerError where Python cannot."""
    plain = _plain(function)
    name = str(getattr(plain, "__name__", type(plain).__name__))
    if _says_itself(plain) and plain is function:
        name = re.sub(r"[\[\], ]+", "_", name).strip("_")  # Page[int]
        return Signature(name, describe(_doc(plain)).text, (), model=plain)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError) as error:
        raise DeployerError(f"{name} tells no signature ({error}); wrap it in a function with annotations") from None
    hints, described = _hints(_written(plain), name), describe(_doc(plain))
    left_out, instance = [], ""
    if parameters and parameters[0].name in ("self", "cls") and parameters[0].annotation is Parameter.empty:
        instance = parameters.pop(0).name
        left_out.append(f"{instance} is left out: a call needs the method of an instance")
    found = [_argument(parameter, hints, described.parameters) for parameter in parameters]
    left_out += [
        f"{one.name} is left out: {_context(one.annotation)} comes from the SDK" for one in found if _given(one)
    ]
    arguments = tuple(one for one in found if not _given(one))
    return Signature(name, described.text, arguments, tuple(left_out), instance=instance)


def _plain(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _says_itself(plain: Any) -> bool:
    """Whether a class is a pydantic model, a dataclass or a TypedDict: these have schemas of their own."""
    return inspect.isclass(plain) and (
        hasattr(plain, "model_json_schema") or is_dataclass(plain) or is_typeddict(plain)
    )


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


def _type_hints(source: Any) -> dict[str, Any]:
    """Return the evaluated annotations; before 3.12.4 a name of `def f[T]()` in a text is not found by itself."""
    names = {one.__name__: one for one in getattr(source, "__type_params__", ())}
    if names and inspect.isroutine(source):
        return get_type_hints(source, localns=names, include_extras=True)
    return get_type_hints(source, include_extras=True)


def _hints(written: Any, name: str) -> dict[str, Any]:
    sources = (written, written.__init__) if inspect.isclass(written) else (written,)
    try:
        return {key: hint for source in sources for key, hint in _type_hints(source).items()}
    except NameError as error:
        remedy = "import it outside of `if TYPE_CHECKING:`"
        raise DeployerError(f"an annotation of {name} names {error.name}, which its module lacks; {remedy}") from None
    except (AttributeError, TypeError, SyntaxError, ValueError) as error:
        raise DeployerError(f"an annotation of {name} cannot be evaluated ({error}); correct it") from None


def _argument(parameter: Parameter, hints: dict[str, Any], described: dict[str, str]) -> Argument:
    from pydantic.fields import FieldInfo

    name, annotated = parameter.name, parameter.annotation is not Parameter.empty
    annotation, default = hints.get(name, parameter.annotation) if annotated else Any, parameter.default
    collects = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    required = default is Parameter.empty and not collects
    default = ... if default is Parameter.empty else default
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


def _given(argument: Argument) -> bool:
    return _context(argument.annotation) is not None


def _context(annotation: Any) -> str | None:
    """Return the name of the SDK's type in an annotation; None where a model sends the value."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        return next((found for one in (inner, *metadata) if (found := _context(one))), None)
    if get_origin(annotation) in _UNIONS:
        return next((found for part in get_args(annotation) if (found := _context(part))), None)
    origin = get_origin(annotation) or annotation
    kind = origin if inspect.isclass(origin) else type(origin)
    for one in kind.__mro__:
        if is_context(f"{one.__module__}.{one.__name__}"):
            return str(kind.__name__)
    return None


def from_callable(function: Callable[..., Any], *, strict: bool = False) -> Schema:
    """Return `{name, description, parameters}`, and `strict` when asked; DeployerError for what has no such form."""
    signature = read(function)
    _accept(signature)
    parameters = _as_schema(_parameters(signature), strict=strict)
    definition: Schema = {"name": signature.name}
    if signature.description:
        definition["description"] = signature.description
    return definition | ({"parameters": _strict(parameters), "strict": True} if strict else {"parameters": parameters})


def notes(function: Callable[..., Any]) -> tuple[str, ...]:
    """What the callable leaves unsaid, so that a model has to guess it; and what of it no model sends."""
    signature = read(function)
    silent = [] if signature.description else [f"{signature.name} has no docstring: a model cannot tell what it is for"]
    untyped = [
        f"the parameter {item.name} has no annotation: any value is admitted"
        for item in signature.arguments
        if not item.annotated
    ]
    starred = [
        f"the items of {item.name} are for *{item.name}: pass them by position"
        for item in signature.arguments
        if item.kind is Parameter.VAR_POSITIONAL
    ]
    properties = _parameters(signature).properties
    unexplained = [name for name, schema in properties.items() if not (schema.get("description") or "$ref" in schema)]
    return (
        *silent,
        *signature.left_out,
        *untyped,
        *starred,
        *(f"the parameter {name} has no description" for name in unexplained),
    )


def agreement(definition: Mapping[str, Any], function: Callable[..., Any]) -> tuple[Finding, ...]:
    """Whether each call that the definition admits is one that the callable takes: names, required, types, defaults."""
    signature = read(function)
    found = _parameters(signature, tolerant=True)
    placed = {item.name for item in signature.arguments if item.kind is Parameter.POSITIONAL_ONLY}
    taken = tuple(
        Taken(
            name,
            schema,
            required=name in found.required,
            default=found.defaults.get(name, ...),
            by_name=name not in placed,
        )
        for name, schema in found.properties.items()
    )
    if signature.instance:
        taken = (Taken(signature.instance, None, required=True), *taken)
    return disagreements(definition, Handler(taken, found.definitions, open=found.others is not None))


def _accept(signature: Signature) -> None:
    if not _NAME.fullmatch(signature.name):
        raise DeployerError(
            f"{signature.name!r} cannot be the name of a function; use 1 to 64 letters, digits, _ and - of ASCII"
        )
    for item in signature.arguments:
        if item.kind is Parameter.POSITIONAL_ONLY:
            message = f"{signature.name} takes {item.name} only by position, a call names it; remove the / after it"
            raise DeployerError(message)


def _parameters(signature: Signature, *, tolerant: bool = False) -> Parameters:
    """Describe what is taken; a type without JSON form is a DeployerError, or with `tolerant` one that is not known."""
    from deployer.functions.python.python_types import schemas

    if signature.model is not None:
        return _of_model(signature)
    described = schemas({item.name: _annotation(item) for item in signature.arguments})
    for name, why in described.refused.items() if not tolerant else ():
        raise DeployerError(f"the parameter {name} of {signature.name} has a type without JSON form: {why}")
    named = [item for item in signature.arguments if item.kind is not Parameter.VAR_KEYWORD]
    others = [described.found.get(item.name, {}) for item in signature.arguments if item not in named]
    return Parameters(
        {item.name: _property(item, described.found.get(item.name)) for item in named},
        [item.name for item in named if item.required],
        described.definitions,
        others[0] if others else None,
        {item.name: _json(item.default) for item in named},
    )


def _of_model(signature: Signature) -> Parameters:
    from deployer.functions.python.python_types import schemas

    described = schemas({"": signature.model})
    for why in described.refused.values():
        raise DeployerError(f"{signature.name} has a type without JSON form: {why}")
    root = described.found[""]
    definitions = dict(described.definitions)
    if "$ref" in root:
        root = definitions[str(root["$ref"]).removeprefix("#/$defs/")]
    if "properties" not in root:
        raise DeployerError(f"{signature.name} describes no object with named fields, and a call has named arguments")
    defaults = {name: schema["default"] for name, schema in root["properties"].items() if "default" in schema}
    return Parameters(dict(root["properties"]), list(root.get("required", ())), definitions, defaults=defaults)


def _as_schema(found: Parameters, *, strict: bool) -> Schema:
    from deployer.functions.python.schema_form import optional_as_null, tidy

    parameters: Schema = {"type": "object", "properties": found.properties}
    if found.required:
        parameters["required"] = found.required
    others = False if found.others is None else found.others or True
    whole = {**parameters, "additionalProperties": others, "$defs": found.definitions}
    return tidy(optional_as_null(whole) if strict else whole)


def _annotation(item: Argument) -> Any:
    """`x: str = None` means Optional, as it did before PEP 484 changed its mind; `*x: str` takes a list."""
    if item.kind is Parameter.VAR_POSITIONAL:
        return list[item.annotation]  # type: ignore[name-defined]
    return Optional[item.annotation] if item.default is None and item.annotated else item.annotation  # noqa: UP045


def _property(item: Argument, schema: Schema | None) -> Any:
    """What the signature says wins: `Annotated[int, Field(default=3)]` has no default in a plain call."""
    if schema is None:
        return None
    result = {key: value for key, value in schema.items() if key not in ("default", "description")}
    description, default = item.description or schema.get("description", ""), _json(item.default)
    return {
        **result,
        **({"description": description} if description else {}),
        **({} if default is ... else {"default": default}),
    }


def _json(value: Any) -> Any:
    from deployer.functions.python.python_types import json_value

    return json_value(value)


def _strict(parameters: Schema) -> Schema:
    from deployer.functions.python.schema_form import strict_form

    if parameters["additionalProperties"] is not False:
        raise DeployerError(
            "strict has no objects with free keys; write the parameters of ** out, or leave --strict out"
        )
    properties = {name: strict_form(item, f"the parameter {name}") for name, item in parameters["properties"].items()}
    definitions = {name: strict_form(item, f"the type {name}") for name, item in parameters.get("$defs", {}).items()}
    strict = {**parameters, "properties": properties, "required": [*properties]}
    strict.pop("$defs", None)
    order = {key: strict[key] for key in ("type", "properties", "required", "additionalProperties")}
    return {**order, "$defs": definitions} if definitions else order
