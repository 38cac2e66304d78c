"""Variables: what a reference gives, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer.manifest import variables
from deployer.manifest.document import SourceDocument
from deployer.manifest.references import SecretReferences
from deployer.manifest.yaml12 import read

VALUES = {"n": 3, "t": "text", "b": True, "f": 0.5, "empty": None, "nested": "${var.n}"}


@pytest.mark.parametrize(
    ("text", "value"),
    (
        ("${var.n}", 3),
        ("${var.b}", True),
        ("${var.f}", 0.5),
        ("${var.t}", "text"),
        (" ${var.n}", " 3"),
        ("${var.n}${var.n}", "33"),
        ("${var.b}!", "true!"),
        ("$${var.n}", "${var.n}"),
        ("$$${var.n}", "$${var.n}"),
        ("a $${b} ${var.t}", "a ${b} text"),
        ("$var.n $ {var.n} {unclosed", "$var.n $ {var.n} {unclosed"),
        ("${var.nested}", "${var.n}"),
    ),
)
def test_what_a_text_becomes(text: str, value: Any) -> None:
    found = variables.variable(text, VALUES)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    (
        ("${var.x}", "'x' is not declared"),
        ("${var.empty}", "'empty' has no value"),
        ("${env.HOME}", "read only in accounts"),
        ("${HOME}", "is not a reference"),
        ("${ var.n }", "is not a reference"),
        ("${var.n\n}", "is not a reference"),
    ),
)
def test_what_cannot_be_replaced(text: str, message: str) -> None:
    with pytest.raises(variables.Unresolved, match=message):
        variables.variable(text, VALUES)


def test_at_any_depth_each_with_its_address_and_place_and_keys_stay() -> None:
    text = 'assistants:\n  a:\n    "${var.n}": "${var.n}"\n    list: [x, "${var.x}", {deep: "${var.y}"}]\n'
    data, positions = read(text)
    document = SourceDocument("m.yaml", data, positions, {"assistants": "assistant"})
    found, problems = variables.interpolate(document, (), data, VALUES)
    assert found == {"assistants": {"a": {"${var.n}": 3, "list": ["x", "${var.x}", {"deep": "${var.y}"}]}}}
    assert [f"{problem.position}: {problem.address}" for problem in problems] == [
        "m.yaml:4:15: assistant/a.list[1]",
        "m.yaml:4:34: assistant/a.list[2].deep",
    ]


@pytest.mark.parametrize(
    ("text", "like", "value"),
    (
        ("5", "default", "5"),
        ("5", None, "5"),
        ("5", 1, 5),
        ("0.5", 1, 0.5),
        ("true", False, True),
        ("warm", 1, "warm"),
        ("null", 1, "null"),
        ("", 1, ""),
        (".inf", 1, ".inf"),
    ),
)
def test_a_value_from_the_command_line_takes_the_type_of_the_one_it_replaces(text: str, like: Any, value: Any) -> None:
    found = variables.typed(text, like)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", (None, ""))
def test_an_empty_variable_of_the_environment_counts_as_unset(value: str | None) -> None:
    with pytest.raises(variables.Unresolved, match="KEY is not set"):
        SecretReferences(Path(), {} if value is None else {"KEY": value}).resolved("x${env.KEY}")


def test_the_environment_in_the_middle_of_a_text() -> None:
    assert SecretReferences(Path(), {"HOST": "h"}).resolved("https://${env.HOST}/v1$${x}") == "https://h/v1${x}"
