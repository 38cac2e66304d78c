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


def answered(*asked: tuple[str, dict[str, str]]) -> list[httpx2.Response]:
    async def work(page: OpenPage) -> Any:
        del page.client.headers["authorization"]
        return [await page.client.get(path, headers=headers) for path, headers in asked]

    found = on_page(work)
    assert isinstance(found, list)
    return found


def test_others_are_refused(empty: Project) -> None:
    del empty
    answers = answered(*((path, headers) for path, headers, _ in REFUSED.values()))
    assert dict(zip(REFUSED, (one.status_code for one in answers), strict=True)) == {
        name: status for name, (_, _, status) in REFUSED.items()
    }
    assert [one.text for one in answers if "embedded" in one.text] == []
    assert {"frame-ancestors 'none'" in one.headers["content-security-policy"] for one in answers[:4]} == {True}


def test_the_page_is_served(empty: Project) -> None:
    del empty
    answers = answered(*SERVED.values())
    assert dict(zip(SERVED, (one.status_code for one in answers), strict=True)) == dict.fromkeys(SERVED, 200)
    for one in answers:
        policy = one.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["referrer-policy"] == "no-referrer"


def test_nothing_but_the_page_is_handed_out(empty: Project) -> None:
    del empty
    names = ("..%2fapp.py", "%2e%2e/guard.py", "nothing.js", "index.html", "..")
    assert {one.status_code for one in answered(*((f"/page/{name}", {}) for name in names))} <= {401, 404}


def test_only_post_says_something(empty: Project) -> None:
    del empty

    async def work(page: OpenPage) -> list[int]:
        methods = ("GET", "PUT", "DELETE", "OPTIONS")
        return [(await page.client.request(one, "/api/search")).status_code for one in methods]

    assert on_page(work) == [405] * 4


def test_what_is_no_json_is_told(empty: Project) -> None:
    del empty

    async def work(page: OpenPage) -> list[tuple[int, str]]:
        bodies = (b"[1]", b"{", b"\xff", b"[" * 100_000)
        answers = [await page.client.post("/api/search", content=one) for one in bodies]
        return [(one.status_code, one.json()["error"]) for one in answers]

    for status, said in on_page(work):
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
