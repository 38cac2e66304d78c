"""What has no function definition is refused with a sentence that names the parameter and the way out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import RootModel

from deployer.errors import DeployerError
from deployer.functions.python.callables import agreement, from_callable

if TYPE_CHECKING:
    from pathlib import Path


def keyed(**options: int) -> None: ...
def placed(x: int, /) -> None: ...
def locked(lock: threading.Thread) -> None: ...
def called(then: Callable[[int], int]) -> None: ...
def late(path: Path) -> None: ...
def 찾기(x: int) -> None: ...  # noqa: N802, PLC2401


class Rows(RootModel[list[int]]): ...


BROKEN: dict[str, Any] = {"x": "int |"}


def broken(x: Any) -> None: ...


broken.__annotations__ = BROKEN


@pytest.mark.parametrize(
    ("function", "sentence"),
    (
        (placed, "placed takes x only by position, a call names it; remove the / after it"),
        (locked, "the parameter lock of locked has a type without JSON form: "),
        (called, "the parameter then of called has a type without JSON form: "),
        (late, "an annotation of late names Path, which its module lacks; import it outside of `if TYPE_CHECKING:`"),
        (broken, "an annotation of broken cannot be evaluated ("),
        (찾기, "'찾기' cannot be the name of a function; use 1 to 64 letters"),
        (lambda x: x, "'<lambda>' cannot be the name of a function; "),
        (dict, "dict tells no signature ("),
        (Rows, "Rows describes no object with named fields, and a call has named arguments"),
    ),
)
def test_it_is_refused_with_a_sentence(function: Any, sentence: str) -> None:
    with pytest.raises(DeployerError) as caught:
        from_callable(function)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_agreement_leaves_alone_what_it_cannot_describe() -> None:
    anything = {"type": "object", "properties": {"x": {"type": "array"}, "lock": {}, "then": {}}}
    required = {"parameters": {**anything, "required": ["x", "lock", "then"]}}
    for function in (locked, called):
        assert {finding.rule for finding in agreement(required, function)} == {"handler-names"}
    assert agreement(required, keyed) == ()
    (finding,) = agreement({"parameters": {"type": "object", "properties": {"x": {}}, "required": ["x"]}}, placed)[:1]
    assert finding.message == "the handler takes 'x' only by position, but a call names it"
