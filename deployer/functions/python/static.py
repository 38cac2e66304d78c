"""Whether a handler's source agrees with its definition: nothing is imported, what is not plain is left alone."""

from __future__ import annotations

import ast
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from deployer.functions.finding import Finding
from deployer.functions.python.agreement import SOURCE, Handler, Taken, disagreements
from deployer.functions.python.annotations import Names, bindings, inner
from deployer.model import Severity

_Def = ast.FunctionDef | ast.AsyncFunctionDef

_HARMLESS = ("staticmethod", "classmethod", "functools.cache", "functools.lru_cache")
"""Decorators that leave the signature as it is written."""


def agreement_static(definition: Mapping[str, Any], source: str, name: str) -> tuple[Finding, ...]:
    """Compare names, required, simple types and literal defaults with `def name` (or `Class.name`) in `source`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like, which are not our business
            return _judge(definition, ast.parse(source), name)
    except SyntaxError as error:
        return (_unreadable(f"{error.msg}, line {error.lineno}" if error.lineno else str(error.msg)),)
    except ValueError as error:  # a NUL character, before Python 3.12
        return (_unreadable(str(error)),)
    except (RecursionError, MemoryError):
        return (_unreadable("it is nested too deeply"),)


def _judge(definition: Mapping[str, Any], module: ast.Module, name: str) -> tuple[Finding, ...]:
    names, body = Names(module), module.body
    *classes, last = name.split(".")
    for part in classes:
        found = _classes(body, part)
        if len(found) != 1 or found[0].bases or found[0].decorator_list or found[0].keywords:
            return () if found else _missing(body, part)
        body = found[0].body
    functions = [each for each in _functions(body, last) if not _overloads(each, names)]
    if not functions:
        return _missing(body, last)
    if len(functions) > 1 or _bound(body)[last] > len(_functions(body, last)):
        return ()  # which of them counts is known only at run time
    return disagreements(definition, handler) if (handler := _handler(functions[0], names)) else ()


def _handler(function: _Def, names: Names) -> Handler | None:
    decorators = [names.meaning(_called(each)) for each in function.decorator_list]
    if any(each not in _HARMLESS for each in decorators):
        return None
    taken = tuple(_taken(function.args, names))
    return Handler(taken["classmethod" in decorators :], open=function.args.kwarg is not None)


def _taken(arguments: ast.arguments, names: Names) -> Iterator[Taken]:
    placed = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(placed) - len(arguments.defaults))
    pairs = [*zip(placed, [*missing, *arguments.defaults], strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    for item, default in pairs:
        value = _value(default)
        schema = names.schema(item.annotation) if item.annotation else None
        if value is None and schema is not None:  # x: str = None
            schema = {"anyOf": [schema, {"type": "null"}]}
        yield Taken(item.arg, schema, default is None, value, item not in arguments.posonlyargs)


def _value(default: ast.expr | None) -> Any:
    """Give a literal as JSON has it; `...` for everything else."""
    if default is None:
        return ...
    try:
        return json.loads(json.dumps(ast.literal_eval(default), allow_nan=False))
    except (ValueError, TypeError):
        return ...


def _missing(body: list[ast.stmt], name: str) -> tuple[Finding, ...]:
    bound = _bound(body)
    if name in bound or "*" in bound or "__getattr__" in bound:
        return ()
    near = get_close_matches(name, bound, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "correct the name, or define the function"
    return (Finding("handler-missing", ("handler",), f"the module defines no {name!r}", remedy, source=SOURCE),)


def _bound(body: list[ast.stmt]) -> Counter[str]:
    return Counter(name for name, _ in bindings(body))


def _everything(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if not isinstance(statement, _Def | ast.ClassDef):
            yield from _everything(inner(statement))


def _functions(body: list[ast.stmt], name: str) -> list[_Def]:
    return [each for each in _everything(body) if isinstance(each, _Def) and each.name == name]


def _classes(body: list[ast.stmt], name: str) -> list[ast.ClassDef]:
    return [each for each in _everything(body) if isinstance(each, ast.ClassDef) and each.name == name]


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _overloads(function: _Def, names: Names) -> bool:
    return any(names.meaning(each) == "typing.overload" for each in function.decorator_list)


def _unreadable(why: str) -> Finding:
    remedy = "correct the module, or run deployer with the Python that it is written for"
    message = f"the handler's module cannot be parsed ({why})"
    return Finding("handler-unreadable", ("handler",), message, remedy, Severity.WARNING, SOURCE)
