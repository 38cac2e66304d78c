"""Our metaschema, written by hand, and the one of `jsonschema` have the same notion of what a schema is.

With DEPLOYER_JSON_SCHEMA_SUITE (the folder `json/tests/draft2020-12` of jsonschema's source distribution) the required
part of the JSON-Schema-Test-Suite is held against ours too, schemas and instances.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from deployer.functions.check import check_examples, check_response_format
from deployer.functions.checks.validity import KEYWORDS
from deployer.functions.rules import Finding
from deployer.functions.tree import MANY, NAMED, ONE, Node, walk

# The wheel of jsonschema lacks the suite; `make test` puts the source distribution beside the environment.
SUITE = os.environ.get("DEPLOYER_JSON_SCHEMA_SUITE") or str(Path(sys.prefix) / "suite/json/tests/draft2020-12")
NEEDS_SUITE = pytest.mark.skipif(
    not Path(SUITE).is_dir(), reason="the JSON-Schema-Test-Suite is not here: `make test` fetches it"
)
METASCHEMA = "https://json-schema.org/draft/2020-12/schema"
OF_SCHEMAS = {"$schema": METASCHEMA, "$ref": METASCHEMA}
VALIDITY = {"schema", "type-name", "pattern"}
# Regular expressions are never run, and nothing outside of the schema is looked at; by design.
NOT_JUDGED = ('"pattern', "unevaluatedProperties", "$id", "Anchor", "$schema", METASCHEMA, "http://localhost")

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([0.0, 1.0, 1.5, -0.5]),
    st.sampled_from(["", "a", "b#"]),
)
TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"]
NAMES = st.lists(st.sampled_from(["a", "b"]), max_size=3)
ODD_TYPES = st.sampled_from([*TYPES, *TYPES, "dict", "any", "String", "colour"])
PATTERNS = st.sampled_from(["a", "^(a+)+$", "(", "[", r"\p{L}", "(?i)x", "a{2,1}", "*", ""])
WORDS = st.sampled_from(["a", "_b-c.d", "1a", "a b", "é", "a\n", "x#", "x#\n", "#", "x##", "http://x/y", ""])


def schemas() -> st.SearchStrategy[Any]:
    return st.recursive(st.one_of(st.booleans(), st.just({}), schema_of(st.nothing())), schema_of, max_leaves=6)


def schema_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keyword = st.sampled_from(sorted({*KEYWORDS, *ONE, *MANY, *NAMED, "const", "default", "unknown"}))
    pair = keyword.flatmap(lambda word: st.tuples(st.just(word), value_of(word, inner)))
    return st.lists(pair, max_size=3).map(dict)


def value_of(word: str, inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what belongs under a keyword, and now and then what does not."""
    some = inner if not inner.is_empty else st.sampled_from([True, {}])
    good: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(ONE, some)
    good |= dict.fromkeys(MANY, st.lists(some, max_size=2))
    good |= dict.fromkeys(NAMED, st.dictionaries(PATTERNS, some, max_size=2))
    good["dependencies"] = st.dictionaries(WORDS, st.one_of(some, NAMES, SCALARS), max_size=2)
    good["dependentRequired"] = st.dictionaries(WORDS, NAMES, max_size=2)
    good |= {"required": NAMES, "pattern": PATTERNS, "$vocabulary": st.dictionaries(WORDS, st.booleans(), max_size=1)}
    good |= dict.fromkeys(("$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"), WORDS)
    good["type"] = st.one_of(ODD_TYPES, st.lists(ODD_TYPES, max_size=3))
    bad = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(WORDS, SCALARS, max_size=1))
    return st.one_of(good[word], good[word], bad) if word in good else bad


def faults_of(schema: Any) -> list[Finding]:
    found = check_response_format(schema, strict=False, surface="assistants", name="n")
    return [finding for finding in found if finding.rule in VALIDITY]


def library_accepts(schema: Any) -> bool:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return True


@given(schemas())
@settings(max_examples=400, deadline=None)
def test_a_schema_is_valid_for_both_or_for_none(schema: Any) -> None:
    assert (not faults_of(schema)) == library_accepts(schema)


@given(schemas())
@settings(max_examples=200, deadline=None)
def test_what_the_api_says_is_what_the_library_says(schema: Any) -> None:
    checker = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    said = {f"Invalid schema for response_format 'n': {error.message}." for error in checker.iter_errors(schema)}
    for finding in faults_of(schema):  # a dependency may be a list instead: the library only says that neither fits
        alike = finding.rule == "pattern" or "dependencies" in finding.pointer
        assert alike or finding.says is None or finding.says in said


@pytest.mark.parametrize("keyword", sorted(KEYWORDS))
@pytest.mark.parametrize("value", (None, True, 1, -1, 0, 1.5, 2.0, "", "a", [], ["a"], ["a", "a"], [1], {}, {"a": 1}))
def test_each_keyword_with_each_kind_of_value(keyword: str, value: object) -> None:
    assert (not faults_of({keyword: value})) == library_accepts({keyword: value})


def groups() -> Iterator[dict[str, Any]]:
    for file in sorted(Path(SUITE).glob("*.json")):
        yield from json.loads(file.read_text(encoding="utf-8"))


@NEEDS_SUITE
def test_every_schema_of_the_suite_is_one() -> None:
    seen = [group["schema"] for group in groups()]
    assert len(seen) > 300
    assert [schema for schema in seen if faults_of(schema)] == []


@NEEDS_SUITE
def test_schemas_as_instances_of_the_metaschema() -> None:
    seen = [test for group in groups() if group["schema"] == OF_SCHEMAS for test in group["tests"]]
    assert {test["valid"] for test in seen} == {True, False}
    assert [test for test in seen if (not faults_of(test["data"])) != test["valid"]] == []


@NEEDS_SUITE
def test_instances_of_the_suite(capsys: pytest.CaptureFixture[str]) -> None:
    every = [(group, test) for group in groups() for test in group["tests"]]
    judged = [(group, test) for group, test in every if _is_judged(group["schema"])]
    wrong = [(group["description"], test["description"]) for group, test in judged if not _agrees(group, test)]
    with capsys.disabled():
        print(f"\nJSON-Schema-Test-Suite: {len(judged) - len(wrong)} of {len(judged)} instances judged alike", end="")
        print(f"; {len(every) - len(judged)} need regular expressions or other documents")
    assert wrong == []


def _is_judged(schema: Any) -> bool:
    text = json.dumps(
        {key: value for key, value in schema.items() if key != "$schema"} if isinstance(schema, dict) else 0
    )
    return not any(word in text for word in NOT_JUDGED)


def _agrees(group: dict[str, Any], test: dict[str, Any]) -> bool:
    found = check_examples({"parameters": group["schema"], "examples": [json.dumps(test["data"])]})
    return (not found) is test["valid"]


def test_the_walk_enters_every_keyword_that_the_library_enters() -> None:
    """Wrong schemas below each keyword are found, so none of them is forgotten."""
    for word in (*ONE, *MANY, *NAMED):
        inner: Any = {"type": 1}
        schema = {word: inner if word in ONE else [inner] if word in MANY else {"x": inner}}
        assert not library_accepts(schema)
        assert [finding.rule for finding in faults_of(schema)] == ["schema"]
        assert len(list(walk(Node(schema)))) == 2
