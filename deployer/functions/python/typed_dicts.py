"""`typing.TypedDict` for pydantic, which reads only those of typing_extensions before Python 3.12."""

from __future__ import annotations

import functools
import operator
import sys
import types
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


def readable(annotation: Any) -> Any:
    """Give the annotation with its TypedDicts remade; inside of dataclasses and named tuples they stay as they are."""
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
