"""The parameters of a Python callable: names, annotations, defaults, descriptions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, get_type_hints

from deployer.errors import DeployerError
from deployer.functions.python.docstrings import describe


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
    """Give what has the annotations: under decorators and `__call__`."""
    named = inspect.isclass(plain) or inspect.isroutine(plain)
    return inspect.unwrap(plain if named else type(plain).__call__)


def _doc(plain: Any) -> str:
    """Give the docstring; neither the one that a dataclass invents nor one that a class inherits is a description."""
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
    """Give the last description in `Annotated`: a text, a pydantic Field, or a `Doc` (PEP 727)."""
    texts = [
        item if isinstance(item, str) else getattr(item, "description", None) or getattr(item, "documentation", None)
        for item in metadata
    ]
    return next((text for text in reversed(texts) if isinstance(text, str)), "")
