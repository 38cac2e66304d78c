"""Laws over generated signatures: what is made agrees, and what agrees can be called."""

from __future__ import annotations

import keyword
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deployer.functions.python.callables import agreement, from_callable
from deployer.functions.python.static import agreement_static

HEAD = "from typing import Annotated, Any, Literal, Optional, Union\n"
LITERALS = {"int": "7", "str": "'no'", "bool": "False", "float": "1.5", "None": "None"}

simple = st.sampled_from(["int", "str", "bool", "float", "Literal['a', 'b']", "Literal[1, None]", "Literal[True, 'x']"])
unsized: st.SearchStrategy[str] = st.recursive(
    simple,
    lambda inner: st.one_of(
        inner.map(lambda part: f"list[{part}]"),
        inner.map(lambda part: f"Optional[{part}]"),
        inner.map(lambda part: f"Annotated[{part}, 'about it']"),
        inner.map(lambda part: f"dict[str, {part}]"),
        st.tuples(inner, inner).map(lambda parts: f"Union[{parts[0]}, {parts[1]}]"),
    ),
    max_leaves=4,
)
spellings = unsized | st.tuples(unsized, unsized).map(lambda parts: f"tuple[{parts[0]}, {parts[1]}]")
identifiers = st.from_regex(r"_?[a-z][a-z0-9_]{0,6}", fullmatch=True)
names = st.one_of(identifiers, st.sampled_from(["json", "schema", "copy", "model_config", "title", "값"])).filter(
    lambda name: not keyword.iskeyword(name) and name not in ("self", "cls")
)


@st.composite
def sources(draw: st.DrawFn) -> str:
    """Give the source of a function with up to four parameters, those with defaults last."""
    written: list[str] = []
    for name in draw(st.lists(names, max_size=4, unique=True)):
        annotation = draw(spellings)
        default = draw(st.none() | st.sampled_from([LITERALS.get(annotation, "None"), "object()"]))
        written.append(f"{name}: {annotation}" + (f" = {default}" if default else ""))
    star = ["*"] if draw(st.booleans()) and written else []
    written = sorted(written, key=lambda text: " = " in text)
    return f'{HEAD}\ndef handler({", ".join([*star, *written])}):\n    """Do it."""\n'


def built(source: str) -> Any:
    module: dict[str, Any] = {}
    exec(compile(source, "<handler>", "exec", dont_inherit=True), module)  # noqa: S102 (generated above)
    return module["handler"]


@pytest.mark.slow
@given(sources())
def test_what_is_made_is_valid_and_agrees_with_its_source(source: str) -> None:
    handler = built(source)
    definition = from_callable(handler)
    Draft202012Validator.check_schema(definition["parameters"])
    assert agreement(definition, handler) == ()
    assert agreement_static(definition, source, "handler") == ()


@given(sources().filter(lambda source: "dict[" not in source))
def test_what_is_made_strict_admits_a_part_of_what_is_made_plain(source: str) -> None:
    handler = built(source)
    definition = from_callable(handler, strict=True)
    assert agreement(definition, handler) == ()
    plain = from_callable(handler)["parameters"]
    assert definition["parameters"]["required"] == list(plain["properties"])


VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    1,
    2,
    1.5,
    "a",
    "x",
    "",
    [],
    [1],
    ["a", 2],
    [None],
    {},
    {"a": 1},
    {"a": "x"},
)


@given(unsized, unsized)
def test_what_agrees_is_taken(declared: str, taken: str) -> None:
    """What the definition of one signature admits is valid for the other, if they are said to agree.

    Sizes are left out: that a tuple is longer than two makes no call fail.
    """
    declared, taken = (f"{HEAD}\ndef handler(x: {annotation}): ..." for annotation in (declared, taken))
    definition, handler = from_callable(built(declared)), built(taken)
    misfit = [value for value in VALUES if _admits(definition, value) and not _admits(from_callable(handler), value)]
    if misfit:
        assert agreement(definition, handler)
        assert agreement_static(definition, taken, "handler")


def _admits(definition: dict[str, Any], value: Any) -> bool:
    return bool(Draft202012Validator(definition["parameters"]).is_valid({"x": value}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["object", "x", "#"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "parameters",
                        "properties",
                        "x",
                        "type",
                        "enum",
                        "const",
                        "anyOf",
                        "items",
                        "required",
                        "$ref",
                        "default",
                        "additionalProperties",
                        "$defs",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_a_definition_of_any_shape_raises_nothing(parameters: Any) -> None:
    source = f"{HEAD}\ndef handler(x: list[dict[str, int]] | Literal['a'], y: int = 3): ..."
    definition = {"parameters": {"properties": {"x": parameters}, "required": parameters, "$defs": parameters}}
    for each in (definition, {"parameters": parameters}):
        assert agreement(each, built(source)) == agreement_static(each, source, "handler")
