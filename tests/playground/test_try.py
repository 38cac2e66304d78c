"""Trying things: a search with filters and scores, arguments against a schema; on the account, and over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployer.errors import DeployerError
from deployer.playground import tryouts
from deployer.server import BackgroundServer
from tests.playground.opened import OpenPage, on_page
from tests.support.project import Project

MANIFEST = """
accounts: ACCOUNTS
vector_stores:
  docs:
    files:
      - {path: docs/bread.md, attributes: {grade: 3, kind: food}}
      - {path: docs/plum.md, attributes: {grade: 7, kind: fruit}}
assistants:
  helper:
    model: m
    tools:
      - type: function
        name: pick
        description: Pick a colour.
        parameters: {type: object, properties: {colour: {type: string, enum: [red, blue]}}, required: [colour]}
"""
STORE, HELPER = "vector_store/docs", "assistant/helper"


def deployed(project: Project, accounts: str = "{local: {api: assistants}}") -> Project:
    project.write("docs/bread.md", "bread and plum jam\n")
    project.write("docs/plum.md", "the plum is ripe\n")
    project.manifest(MANIFEST.replace("ACCOUNTS", accounts))
    assert project.run("apply", "--yes", "--account", "local").code == 0
    return project


def searched(*queries: dict[str, Any]) -> list[Any]:
    async def work(page: OpenPage) -> list[Any]:
        await page.post("/api/look")
        return [(await page.post("/api/search", {"store": STORE, **one}))["results"] for one in queries]

    found = on_page(work, account="local")
    assert isinstance(found, list)
    return found


def filtered(key: str, comparison: str, value: str) -> dict[str, Any]:
    return {"query": "plum", "filters": [{"key": key, "type": comparison, "value": value}]}


def test_a_search_has_filters_and_scores(project: Project) -> None:
    deployed(project)
    plain, high, low, named, either, both, one = searched(
        {"query": "plum"},
        filtered("grade", "gt", "5"),
        filtered("grade", "lte", "3"),
        filtered("kind", "eq", "fruit"),
        filtered("kind", "in", "food, fruit"),
        {
            "query": "plum",
            "filters": [filtered("grade", "gt", "5")["filters"][0], filtered("kind", "eq", "food")["filters"][0]],
        },
        {"query": "plum", "limit": 1},
    )
    assert {row["source"] for row in plain} == {"docs/bread.md", "docs/plum.md"}
    assert all(0 < row["score"] <= 1 for row in plain)
    assert [row["source"] for row in high] == [row["source"] for row in named] == ["docs/plum.md"]
    assert [row["source"] for row in low] == ["docs/bread.md"]
    assert (len(either), both, len(one)) == (2, [], 1)
    assert high[0]["attributes"] == {"grade": 7, "kind": "fruit"}
    assert high[0]["text"] == "the plum is ripe\n"


@pytest.mark.parametrize(
    ("asked", "why"),
    (
        ({"query": " "}, "write what to look for"),
        ({"query": "a", "limit": 0}, "the number of results must be from 1 to 50"),
        ({"query": "a", "limit": True}, "the number of results must be from 1 to 50"),
        ({"query": "a", "threshold": 2}, "the least score must be from 0 to 1"),
        ({"query": "a", "filters": [{"key": "", "type": "eq"}]}, "a filter needs an attribute and one of"),
        ({"query": "a", "filters": [{"key": "k", "type": "like"}]}, "a filter needs an attribute and one of"),
        ({"query": "a", "filters": "k"}, "a filter needs an attribute and one of"),
    ),
)
def test_a_search_that_makes_no_sense(asked: dict[str, Any], why: str) -> None:
    with pytest.raises(DeployerError, match=why):
        tryouts.StoreQuery.of(asked)


def test_a_threshold_and_filters_are_the_apis() -> None:
    query = tryouts.StoreQuery.of(
        {"query": "a", "threshold": 0.5, "filters": [{"key": "k", "type": "in", "value": '1, x, "2"'}]}
    )
    assert query.body() == {
        "query": "a",
        "max_num_results": 10,
        "ranking_options": {"score_threshold": 0.5},
        "filters": {"key": "k", "type": "in", "value": [1, "x", "2"]},
    }


def test_arguments_are_held_against_the_schema(project: Project) -> None:
    deployed(project)

    async def work(page: OpenPage) -> Any:
        asked = {"address": HELPER, "function": "pick"}
        (function,) = (await page.get("/api/assistants/helper"))["functions"]
        good = await page.post("/api/check", {**asked, "arguments": function["sample"]})
        wrong = await page.post("/api/check", {**asked, "arguments": '{"colour": "green"}'})
        plain = await page.post("/api/check", {**asked, "arguments": "[]"})
        refused = [
            await page.refused("/api/check", {**asked, "arguments": "{"}),
            await page.refused("/api/check", {"address": HELPER, "function": "other", "arguments": "{}"}),
            await page.refused("/api/search", {"store": "vector_store/none", "query": "a"}),
        ]
        return function, good, wrong, plain, [why for _, why in refused]

    function, good, wrong, plain, refused = on_page(work, account="local")
    assert (function["name"], function["sample"]) == ("pick", '{\n  "colour": "red"\n}')
    assert (good["fits"], good["errors"]) == (True, [])
    assert not wrong["fits"]
    assert "green" in wrong["errors"][0]
    assert (plain["fits"], plain["errors"]) == (False, ["no JSON object"])
    assert good["schema"] == [
        "the parameter 'colour' has no description; say in a sentence what the model shall put there"
    ]
    assert refused[0].startswith("these arguments are no JSON")
    assert refused[1] == "assistant/helper has no function other"
    assert refused[2].startswith("vector_store/none is not live on this account")


@pytest.mark.parametrize(
    ("schema", "sample"),
    (
        (
            {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": ["string", "null"]}}},
            {"a": 0, "b": ""},
        ),
        ({"type": "object", "properties": {"a": {"type": "array", "items": {"enum": [2, 3]}}}}, {"a": [2]}),
        (
            {"type": "object", "properties": {"a": {"default": 5}, "b": {"const": "x"}, "c": True}},
            {"a": 5, "b": "x", "c": None},
        ),
        ({}, None),
    ),
)
def test_a_sample_is_made_of_the_schema(schema: dict[str, Any], sample: Any) -> None:
    assert json.loads(tryouts.sample({"parameters": schema})) == sample
    assert tryouts.sample({"parameters": schema, "examples": ['{"z": 1}']}) == '{"z": 1}'


def test_all_of_it_goes_over_http(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "any")
    with BackgroundServer(project.root / "served") as server:
        deployed(project, f"{{local: {{api: assistants, base_url: '{server.base_url}', api_key: '${{env.KEY}}'}}}}")

        async def work(page: OpenPage) -> Any:
            talked = await page.begin()
            await page.say(talked, HELPER, "Hello")
            entries = await page.entries(talked)
            state = await page.get("/api/state")
            return state, entries, (await page.post("/api/search", {"store": STORE, "query": "ripe"}))["results"]

        state, entries, found = on_page(work, account="local")
    assert [one["state"] for one in state["assistants"]] == ["live"]
    assert entries[-1]["ok"]
    assert [row["source"] for row in found] == ["docs/plum.md"]
