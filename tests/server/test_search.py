"""Search, in Korean and English, with filters."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from starlette.testclient import TestClient

from deployer.server.ingestion.retrieval import matches
from tests.server.support import made, refused, stored

DOCUMENTS = (
    ("용도지역.md", "용도지역은 주거지역, 상업지역, 공업지역, 녹지지역으로 나뉜다. 물 절약 100%.".encode()),
    ("개요.md", "수원 도시기본계획은 20년 뒤의 모습을 그린다. 인구와 토지이용을 다룬다.".encode()),
    ("fibonacci.md", b"The Fibonacci sequence begins with 0 and 1. Each number is the sum of the two before it."),
    ("nfd.md", unicodedata.normalize("NFD", "광교호수공원은 시민의 쉼터다.").encode()),
)


@pytest.fixture
def store(api: TestClient) -> str:
    store_id, file_ids = stored(api, *DOCUMENTS)
    for number, file_id in enumerate(file_ids):
        made(api, f"/v1/vector_stores/{store_id}/files/{file_id}", attributes={"n": number, "path": f"{number}.md"})
    return store_id


def found(api: TestClient, store: str, query: Any, **options: Any) -> list[str]:
    answer = made(api, f"/v1/vector_stores/{store}/search", query=query, **options)
    return [result["filename"] for result in answer["data"]]


@pytest.mark.parametrize(
    ("query", "first"),
    (
        ("용도지역의 종류는?", "용도지역.md"),
        ("도시기본계획이 다루는 것", "개요.md"),
        ("수원", "개요.md"),
        ("물", "용도지역.md"),
        ("인구", "개요.md"),
        ("광교호수공원", "nfd.md"),
        (unicodedata.normalize("NFD", "광교호수"), "nfd.md"),
        ("FIBONACCI numbers", "fibonacci.md"),
        ("0", "fibonacci.md"),
        (["sum", "sequence"], "fibonacci.md"),
    ),
)
def test_the_best_comes_first(api: TestClient, store: str, query: Any, first: str) -> None:
    assert found(api, store, query)[0] == first


@pytest.mark.parametrize("query", ("zzzzzz", "%", "_", '"', "* OR *", "NEAR(", "'; DROP TABLE chunks; --", "\x00"))
def test_what_is_not_there_and_what_is_no_word(api: TestClient, store: str, query: str) -> None:
    assert found(api, store, query) == []
    assert found(api, store, "수원") == ["개요.md"]


def test_the_shape_of_an_answer(api: TestClient, store: str) -> None:
    answer = made(api, f"/v1/vector_stores/{store}/search", query="광교호수공원")
    [result] = answer.pop("data")
    assert answer == {
        "object": "vector_store.search_results.page",
        "search_query": ["광교호수공원"],
        "has_more": False,
        "next_page": None,
    }
    assert result.keys() == {"file_id", "filename", "score", "attributes", "content"}
    assert result["score"] == 1.0
    assert result["attributes"] == {"n": 3, "path": "3.md"}
    assert result["content"] == [{"type": "text", "text": "광교호수공원은 시민의 쉼터다."}]


def test_scores_fall_and_can_be_bounded(api: TestClient, store: str) -> None:
    results = made(api, f"/v1/vector_stores/{store}/search", query="지역 계획 인구 토지이용")["data"]
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert len(scores) >= 2
    bounded = found(api, store, "지역 계획 인구 토지이용", ranking_options={"score_threshold": scores[0]})
    assert bounded == [results[0]["filename"]]
    assert len(found(api, store, "지역 계획 인구 토지이용", max_num_results=1)) == 1


def test_filters_choose_the_files(api: TestClient, store: str) -> None:
    low = {"type": "lte", "key": "n", "value": 1}
    named = {"type": "in", "key": "path", "value": ["1.md", "3.md"]}
    assert set(found(api, store, "지역 시민 인구", filters=low)) == {"용도지역.md", "개요.md"}
    assert found(api, store, "지역 시민 인구", filters={"type": "and", "filters": [low, named]}) == ["개요.md"]


ATTRIBUTES = {"n": 3, "name": "b", "kept": True}


@pytest.mark.parametrize(
    ("kind", "key", "value", "expected"),
    (
        ("eq", "n", 3, True),
        ("eq", "n", 3.0, True),
        ("eq", "kept", 1, False),
        ("eq", "absent", "x", False),
        ("ne", "absent", "x", True),
        ("ne", "n", 3, False),
        ("gt", "n", 2, True),
        ("gt", "n", 3, False),
        ("gte", "n", 3, True),
        ("lt", "name", "c", True),
        ("lt", "name", 5, False),
        ("lte", "absent", 5, False),
        ("in", "name", ["a", "b"], True),
        ("nin", "name", ["a", "b"], False),
        ("nin", "absent", ["a"], True),
    ),
)
def test_comparisons(kind: str, key: str, value: Any, expected: bool) -> None:  # noqa: FBT001
    assert matches({"type": kind, "key": key, "value": value}, ATTRIBUTES) is expected


def test_compound_filters() -> None:
    yes, no = ({"type": "eq", "key": "n", "value": value} for value in (3, 4))
    assert matches({"type": "or", "filters": [no, {"type": "and", "filters": [yes, yes]}]}, ATTRIBUTES)
    assert not matches({"type": "and", "filters": [yes, {"type": "or", "filters": [no, no]}]}, ATTRIBUTES)


def nested(depth: int) -> Any:
    return {"type": "and", "filters": [nested(depth - 1)]} if depth else {"type": "eq", "key": "n", "value": 1}


@pytest.mark.parametrize(
    ("body", "param"),
    (
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": []}, "query"),
        ({"query": 1}, "query"),
        ({"query": "x", "max_num_results": 51}, "max_num_results"),
        ({"query": "x", "ranking_options": {"score_threshold": 2}}, "ranking_options.score_threshold"),
        ({"query": "x", "filters": {"key": "a"}}, "filters.type"),
        ({"query": "x", "filters": {"type": "like", "key": "a", "value": "b"}}, "filters.type"),
        ({"query": "x", "filters": {"type": "eq", "value": "b"}}, "filters.key"),
        ({"query": "x", "filters": {"type": "in", "key": "a", "value": "b"}}, "filters.value"),
        ({"query": "x", "filters": {"type": "or"}}, "filters.filters"),
        ({"query": "x", "filters": nested(50)}, "filters" + ".filters[0]" * 20 + ".key"),
    ),
)
def test_limits(api: TestClient, store: str, body: Any, param: str) -> None:
    error = refused(api, f"/v1/vector_stores/{store}/search", body)
    assert error["param"] == param
