"""The mutants of a module: mutmut's changes, one at a time, each as code that can be put into the running function."""

from __future__ import annotations
import __future__

import ast
import difflib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

_mutmut = importlib.import_module("mutmut.mutation.file_mutation")
_cst = importlib.import_module("libcst")
_FLAGS = __future__.annotations.compiler_flag


@dataclass(frozen=True)
class Mutant:
    """One change of the code: the lines of `function` that it takes away, and those that it puts in their place.

    Identified by these texts, for numbers change with the code around. `nth`: of the same change of equal lines.
    """

    function: str
    was: str
    now: str
    nth: int = 1

    @property
    def module(self) -> str:
        """As in `engine.diff`."""
        return ".".join(self.function.split(".")[:2])


@dataclass(frozen=True)
class Change:
    """What a mutant needs to be tried: the text of its function, and the lines of the file that it changes."""

    mutant: Mutant
    text: str
    lines: range

    def apply(self) -> None:
        """Let the function that is imported do what the mutant says, whoever holds it.

        Raises whatever a changed default raises: such a module could not be imported.
        """
        function = _imported(self.mutant.function)
        tree = _tree(self.mutant.function, self.text)
        code = _code(compile(tree, function.__code__.co_filename, "exec", flags=_FLAGS, dont_inherit=True), function)
        arguments = next(
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ).args
        values = function.__globals__
        function.__code__ = code
        function.__defaults__ = tuple(_value(one, values) for one in arguments.defaults) or None
        named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        function.__kwdefaults__ = {name.arg: _value(one, values) for name, one in named if one is not None}


def changes(module: str, path: Path) -> list[Change]:
    """Return each change of a function in `module` (as in `engine.diff`), in the order of the file."""
    source = path.read_text(encoding="utf-8")
    tree, mutations, *_ = _mutmut.create_mutations(str(path), source)
    names = dict(_functions(tree.body, module))
    starts = _starts(ast.parse(source).body, module)
    counts: dict[tuple[str, str, str], int] = {}
    result = []
    for mutation in mutations:
        function = mutation.contained_by_top_level_function
        if function not in names:
            continue
        name = names[function]
        bare = function.with_changes(leading_lines=())
        before = _cst.Module([bare]).code.splitlines()
        text = _cst.Module([_mutmut.deep_replace(bare, mutation.original_node, mutation.mutated_node)]).code
        was, now, lines = _difference(before, text.splitlines(), starts[name])
        counts[name, was, now] = nth = counts.get((name, was, now), 0) + 1
        result.append(Change(Mutant(name, was, now, nth), text, lines))
    return result


def _functions(body: Sequence[Any], where: str) -> Iterator[tuple[Any, str]]:
    for node in body:
        if isinstance(node, _cst.FunctionDef):
            yield node, f"{where}.{node.name.value}"
        elif isinstance(node, _cst.ClassDef) and isinstance(node.body, _cst.IndentedBlock):
            yield from _functions(node.body.body, f"{where}.{node.name.value}")


def _starts(body: Sequence[ast.stmt], where: str) -> dict[str, int]:
    result: dict[str, int] = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            result |= _starts(node.body, f"{where}.{node.name}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            result[f"{where}.{node.name}"] = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return result


def _difference(before: Sequence[str], after: Sequence[str], start: int) -> tuple[str, str, range]:
    rows = list(difflib.unified_diff(before, after, n=0))[2:]
    was = " ".join(row[1:].strip() for row in rows if row.startswith("-"))
    now = " ".join(row[1:].strip() for row in rows if row.startswith("+"))
    same = _same(before, after)
    end = len(before) - _same(before[same:][::-1], after[same:][::-1])
    return was, now, range(start + same, start + max(end, same + 1))


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def statements(path: Path) -> Mapping[int, range]:
    """Return, for each line of a file, the lines of the smallest statement around it.

    Of a compound one that is its head; but that of a function (defaults are changed there) counts where its body does.
    """
    result: dict[int, range] = {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # breadth first: what is inside comes later, and replaces what is around it
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            _reach(result, node, node, getattr(node, "body", None))
        elif isinstance(node, ast.match_case):
            _reach(result, node, node.pattern, node.body)
    return result


def _reach(
    lines: dict[int, range], node: ast.AST, start: ast.stmt | ast.ExceptHandler | ast.pattern, body: Any
) -> None:
    end = start.end_lineno or start.lineno
    head = range(start.lineno, max(start.lineno, body[0].lineno - 1 if body else end) + 1)
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    lines |= dict.fromkeys(head, range(start.lineno, end + 1) if is_function else head)


def _imported(name: str) -> FunctionType:
    """Return the function itself, of what stands in its module or class under its name."""
    package, module, *rest = name.split(".")
    where = package if module == "__init__" else f"{package}.{module}"
    found: Any = importlib.import_module(f"deployer.{where}")
    for one in rest:
        found = vars(found)[one]
    while not isinstance(found, FunctionType):
        found = getattr(found, "__func__", None) or found.__wrapped__
    return found


def _tree(name: str, text: str) -> ast.Module:
    """Return the function as a module of its own; a method in a class of the same name (of names with `__`)."""
    tree = ast.parse(text)
    for one in name.split(".")[2:-1][::-1]:
        around: Any = ast.parse(f"class {one}: pass")
        around.body[0].body = tree.body
        tree = around
    return tree


def _code(module: CodeType, function: FunctionType) -> CodeType:
    for const in module.co_consts:
        if isinstance(const, CodeType):
            return const if const.co_name == function.__name__ else _code(const, function)
    raise LookupError(function.__qualname__)


def _value(node: ast.expr, values: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "default", "eval"), values)  # noqa: S307  of our own code
