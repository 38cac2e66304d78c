"""JSON Schema of simple annotations in source text; nothing is imported, and what is not simple is None."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

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
        if isinstance(node, ast.Name):
            return self._meaning.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.meaning(node.value)
            return f"{base}.{node.attr}" if base else None
        return "None" if isinstance(node, ast.Constant) and node.value is None else None

    def schema(self, node: ast.expr) -> Schema | None:
        """Give what an annotation takes."""
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
            return self.schema(ast.parse(text.strip(), mode="eval").body)
        except SyntaxError:
            return None

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
    """Give each name that statements of a module bind, with the dotted name that an import gives it."""
    for statement in body:
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
            yield from bindings(inner(statement))


def inner(statement: ast.stmt) -> list[ast.stmt]:
    """Give the statements of `if`, `try`, `with` and loops: they bind names of the module too."""
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
