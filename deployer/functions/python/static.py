"""Whether a handler's source agrees with its definition: nothing is imported, what is not plain is left alone."""

from __future__ import annotations

import ast
import builtins
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from deployer.functions.python.agreement import Handler, Taken, disagreements, is_context
from deployer.functions.rules import Finding
from deployer.model import Severity

Schema = dict[str, Any]

MOST_NESTED = 1_000
"""Levels of the syntax tree; each branch of an `elif` and each term of a sum is one. Each Python parses 2,000."""
MOST_IN_AN_EXPRESSION = 50
"""Levels of an annotation or a default; what is deeper is not compared."""
_TOO_DEEP = "it is nested too deeply"

_PLAIN: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "dict": {"type": "object"},
    "object": {},
    "typing.Any": {},
    "None": {"type": "null"},
}
_LISTS = (
    *("list", "set", "frozenset", "typing.List", "typing.Set", "typing.FrozenSet"),
    *(f"{module}.{name}" for module in ("typing", "collections.abc") for name in ("Sequence", "Iterable")),
)
_DICTS = ("dict", "typing.Dict", "typing.Mapping", "collections.abc.Mapping")
_TUPLES = ("tuple", "typing.Tuple")


class Names:
    """What a name means in a module: `typing.Literal`, a builtin, or None for all that only an import could tell."""

    def __init__(self, module: ast.Module) -> None:
        self._meaning: dict[str, str | None] = {name: name for name in dir(builtins)}
        for name, meaning in bindings(module.body):
            self._meaning[name] = meaning.replace("typing_extensions", "typing") if meaning else None

    def meaning(self, node: ast.expr) -> str | None:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            base = self._meaning.get(node.id)
            return ".".join([base, *attributes]) if base else None
        return "None" if isinstance(node, ast.Constant) and node.value is None and not attributes else None

    def schema(self, node: ast.expr) -> Schema | None:
        """Return what an annotation takes."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._quoted(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union([node.left, node.right])
        meaning = self.meaning(node.value if isinstance(node, ast.Subscript) else node)
        if meaning is None:
            return None
        return self._generic(meaning, _parts(node)) if isinstance(node, ast.Subscript) else _bare(meaning)

    def _quoted(self, text: str) -> Schema | None:
        try:
            node = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, RecursionError, MemoryError):
            return None
        return None if _deeper_than(node, MOST_IN_AN_EXPRESSION) else self.schema(node)

    def _union(self, parts: list[ast.expr]) -> Schema | None:
        found = [self.schema(part) for part in parts]
        return {"anyOf": found} if None not in found else None

    def _generic(self, meaning: str, parts: list[ast.expr]) -> Schema | None:
        if meaning == "typing.Optional":
            return self._union([*parts, ast.Constant(None)])
        if meaning == "typing.Union":
            return self._union(parts)
        if meaning == "typing.Literal":
            return _literal(parts)
        if meaning == "typing.Annotated":
            return self.schema(parts[0])
        return self._container(meaning, parts)

    def _container(self, meaning: str, parts: list[ast.expr]) -> Schema | None:
        if meaning in _DICTS and len(parts) == 2:
            value = self.schema(parts[1])
            return {"type": "object"} if value is None else {"type": "object", "additionalProperties": value}
        same = meaning in _TUPLES and len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...
        if meaning in _LISTS or same:
            item = self.schema(parts[0])
            return {"type": "array"} if item is None else {"type": "array", "items": item}
        return {"type": "array"} if meaning in _TUPLES else None


def bindings(body: list[ast.stmt]) -> Iterator[tuple[str, str | None]]:
    """Return each name that statements of a module bind, with the dotted name that an import gives it."""
    for statement in _everything(body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                yield alias.asname or alias.name, None if statement.level else f"{statement.module}.{alias.name}"
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name, None
        else:
            yield from _assigned(statement)


def inner(statement: ast.stmt) -> list[ast.stmt]:
    """Return the statements of `if`, `try`, `with` and loops: they bind names of the module too."""
    blocks: list[list[ast.stmt]] = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    handlers: list[ast.ExceptHandler] = getattr(statement, "handlers", [])
    return [each for block in [*blocks, *(handler.body for handler in handlers)] for each in block]


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, None]]:
    for node in ast.iter_child_nodes(statement):
        if isinstance(node, ast.expr | ast.withitem):
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.id, None


def _parts(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _bare(meaning: str) -> Schema | None:
    if meaning in (*_LISTS, *_TUPLES):
        return {"type": "array"}
    return {"type": "object"} if meaning in _DICTS else _PLAIN.get(meaning)


def _literal(parts: list[ast.expr]) -> Schema | None:
    try:
        values = [ast.literal_eval(part) for part in parts]
    except ValueError:  # a member of an Enum
        return None
    return {"enum": values} if all(isinstance(value, str | int | None) for value in values) else None


_Def = ast.FunctionDef | ast.AsyncFunctionDef

_HARMLESS = ("staticmethod", "classmethod", "functools.cache", "functools.lru_cache")
"""Decorators that leave the signature as it is written."""


def agreement_static(definition: Mapping[str, Any], source: str, name: str) -> tuple[Finding, ...]:
    """Compare names, required, simple types and literal defaults with `def name` (or `Class.name`) in `source`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like say nothing about the signature
            module = ast.parse(source)
    except SyntaxError as error:
        return (_unreadable(f"{error.msg}, line {error.lineno}" if error.lineno else str(error.msg)),)
    except ValueError as error:  # a NUL character, before Python 3.12
        return (_unreadable(str(error)),)
    except (RecursionError, MemoryError):
        return (_unreadable(_TOO_DEEP),)
    return (_unreadable(_TOO_DEEP),) if _deeper_than(module, MOST_NESTED) else _judge(definition, module, name)


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
        plain = item.annotation is not None and not _deeper_than(item.annotation, MOST_IN_AN_EXPRESSION)
        schema = names.schema(item.annotation) if item.annotation and plain else None
        if value is None and schema is not None:  # x: str = None
            schema = {"anyOf": [schema, {"type": "null"}]}
        if not is_context(names.meaning(_bare_type(item.annotation)) or ""):
            yield Taken(item.arg, schema, default is None, value, item not in arguments.posonlyargs)
    if arguments.vararg is not None:
        one = names.schema(arguments.vararg.annotation) if arguments.vararg.annotation else None
        yield Taken(arguments.vararg.arg, {"type": "array", **({"items": one} if one else {})}, required=False)


def _bare_type(annotation: ast.expr | None) -> ast.expr:
    """Return `RunContextWrapper` of `RunContextWrapper[State]`."""
    return annotation.value if isinstance(annotation, ast.Subscript) else annotation or ast.Constant(...)


def _value(default: ast.expr | None) -> Any:
    """Return a literal as JSON has it; `...` for everything else."""
    if default is None or _deeper_than(default, MOST_IN_AN_EXPRESSION):
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
    return (Finding("handler-missing", ("handler",), f"the module defines no {name!r}", remedy),)


def _bound(body: list[ast.stmt]) -> Counter[str]:
    return Counter(name for name, _ in bindings(body))


def _everything(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Return all statements in their order, but not those of functions and classes; a long `elif` nests deeply."""
    stack = body[::-1]
    while stack:
        statement = stack.pop()
        yield statement
        if not isinstance(statement, _Def | ast.ClassDef):
            stack.extend(reversed(inner(statement)))


def _deeper_than(node: ast.AST, most: int) -> bool:
    level = [node]
    for _ in range(most):
        level = [inside for one in level for inside in ast.iter_child_nodes(one)]
        if not level:
            return False
    return True


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
    return Finding("handler-unreadable", ("handler",), message, remedy, Severity.WARNING)
