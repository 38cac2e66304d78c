"""Who may ask: this machine, this page, with the token; and what no answer may do in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.playground.opened import PORT, TOKEN, OpenPage, on_page
from tests.support.project import Project

BEARER = {"authorization": f"Bearer {TOKEN}"}
REFUSED: dict[str, tuple[str, dict[str, str], int]] = {
    "no token": ("/api/state", {}, 401),
    "another token": ("/api/state", {"authorization": "Bearer the-tokem"}, 401),
    "the token in the query of an endpoint": (f"/api/state?token={TOKEN}", {}, 401),
    "the page without a token": ("/", {}, 401),
    "the plan without a token": ("/plan.html", {}, 401),
    "a name that leads here": ("/api/state", {**BEARER, "host": f"evil.example:{PORT}"}, 403),
    "another port": ("/api/state", {**BEARER, "host": "127.0.0.1:80"}, 403),
    "no port": ("/api/state", {**BEARER, "host": "127.0.0.1"}, 403),
    "a page of others": ("/api/state", {**BEARER, "origin": "http://evil.example"}, 403),
    "a page of another port": ("/api/state", {**BEARER, "origin": "http://127.0.0.1:1"}, 403),
    "a file": ("/api/state", {**BEARER, "origin": "null"}, 403),
    "a site beside": ("/api/state", {**BEARER, "sec-fetch-site": "same-site"}, 403),
    "an asset for a page of others": ("/page/main.js", {"sec-fetch-site": "cross-site"}, 403),
}
SERVED: dict[str, tuple[str, dict[str, str]]] = {
    "the token in a header": ("/api/state", BEARER),
    "the page by its address": (f"/?token={TOKEN}", {}),
    "an asset": ("/page/main.js", {}),
    "this machine by its name": ("/api/state", {**BEARER, "host": f"localhost:{PORT}"}),
    "this page": ("/api/state", {**BEARER, "origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"}),
}


@pytest.fixture
def empty(project: Project) -> Project:
    project.manifest("")
    return project


def answered(path: str, headers: dict[str, str]) -> httpx2.Response:
    async def work(page: OpenPage) -> Any:
        del page.client.headers["authorization"]
        return await page.client.get(path, headers=headers)

    found = on_page(work)
    assert isinstance(found, httpx2.Response)
    return found


@pytest.mark.parametrize("name", REFUSED)
def test_others_are_refused(empty: Project, name: str) -> None:
    del empty
    path, headers, status = REFUSED[name]
    answer = answered(path, headers)
    assert answer.status_code == status
    assert "embedded" not in answer.text


@pytest.mark.parametrize("name", SERVED)
def test_the_page_is_served(empty: Project, name: str) -> None:
    del empty
    path, headers = SERVED[name]
    answer = answered(path, headers)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_refusal_has_the_policy_too(empty: Project) -> None:
    del empty
    assert "frame-ancestors 'none'" in answered("/", {}).headers["content-security-policy"]


@pytest.mark.parametrize("name", ("..%2fapp.py", "%2e%2e/guard.py", "nothing.js", "index.html", ".."))
def test_nothing_but_the_page_is_handed_out(empty: Project, name: str) -> None:
    del empty
    assert answered(f"/page/{name}", {}).status_code in (401, 404)


@pytest.mark.parametrize("method", ("GET", "PUT", "DELETE", "OPTIONS"))
def test_only_post_says_something(empty: Project, method: str) -> None:
    del empty

    async def work(page: OpenPage) -> int:
        return (await page.client.request(method, "/api/search")).status_code

    assert on_page(work) == 405


@pytest.mark.parametrize("body", (b"[1]", b"{", b"\xff", b"[" * 100_000))
def test_what_is_no_json_is_told(empty: Project, body: bytes) -> None:
    del empty

    async def work(page: OpenPage) -> tuple[int, str]:
        answer = await page.client.post("/api/search", content=body)
        return answer.status_code, answer.json()["error"]

    status, said = on_page(work)
    assert (status, said.startswith("the request is no JSON")) == (400, True)


def test_a_request_has_an_end(empty: Project) -> None:
    del empty

    async def work(page: OpenPage) -> tuple[int, str]:
        answer = await page.client.post("/api/search", content=b" " * 1_000_001)
        return answer.status_code, answer.json()["error"]

    assert on_page(work) == (400, "this is too large: at most 1 MB are taken")


def test_the_page_holds_no_script_of_its_own() -> None:
    page = Path(__file__).parents[2] / "deployer" / "playground" / "page"
    text = (page / "index.html").read_text(encoding="utf-8")
    assert text.count("<script") == text.count('<script type="module" src="/page/') == 1
    assert "style=" not in text
    assert " on" not in [part[:3] for part in text.split("<")[1:]]
    for script in page.glob("*.js"):
        code = script.read_text(encoding="utf-8")
        assert [
            word
            for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write", "://")
            if word in code
        ] == []


def test_the_page_is_small() -> None:
    page = Path(__file__).parents[2] / "deployer" / "playground" / "page"
    assert sum(one.stat().st_size for one in page.iterdir()) <= 300_000
