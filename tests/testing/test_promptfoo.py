"""Promptfoo's configurations as they are: each shape is read, and every assertion is run or named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from deployer import Project as Library
from deployer.project.declared_tests import declared
from tests.support.project import Project

SHAPES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "promptfoo.yaml").read_text(encoding="utf-8"))
MANIFEST = "assistants: {one: {model: m}, two: {model: m}}\n"


def given(project: Project, shape: dict[str, Any]) -> None:
    for name, text in shape.get("files", {}).items():
        project.write(f"evals/{name}", text)
    project.write("evals/promptfooconfig.yaml", yaml.safe_dump(shape["config"], sort_keys=False, allow_unicode=True))
    told: dict[str, Any] = {key: shape[key] for key in ("address", "providers") if key in shape}
    entry = {"file": "evals/promptfooconfig.yaml", **told}
    project.manifest(f"{MANIFEST}tests: [{json.dumps(entry)}]\n")


def test_there_are_many_shapes() -> None:
    assert len(SHAPES) >= 20


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape["name"]))
def test_it_is_read_and_what_is_not_supported_is_named(project: Project, shape: dict[str, Any]) -> None:
    given(project, shape)
    cases, problems = declared(Library.load().manifest)
    assert list(map(str, problems)) == []
    assert len(cases) == shape["tests"]
    flaws = list(dict.fromkeys(str(flaw) for case in cases for flaw in case.flaws))
    assert len(flaws) == len(shape.get("unsupported", ()))
    for flaw, expected in zip(flaws, shape.get("unsupported", ()), strict=True):
        assert expected in flaw
        assert flaw.startswith("evals/promptfooconfig.yaml:")
    if "judged" in shape:
        assert [one.name for case in cases for one in case.expectations] == shape["judged"]
    if "says" in shape:
        assert cases[0].turns[0].user == shape["says"]
    if "turns" in shape:
        assert len(cases[0].turns) == shape["turns"]
    notes = {note.message for case in cases for note in case.notes}
    for note in shape.get("notes", ()):
        assert any(note in one for one in notes)
    if not shape.get("unsupported"):
        assert all(case.address and case.turns for case in cases)


@contextmanager
def judging(*, broken: bool = False) -> Iterator[str]:
    """A judge that passes what contains `Hardware`, and embeds a text by its length."""

    class Judge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if broken:
                self.send_error(400)
                return
            if self.path.endswith("/embeddings"):
                vectors = [{"index": at, "embedding": [float(len(one)), 1.0]} for at, one in enumerate(asked["input"])]
                answer: Any = {"object": "list", "model": "m", "data": vectors, "usage": {}}
            else:
                said = json.loads(asked["messages"][1]["content"])["answer"]
                verdict = json.dumps({"reason": "so", "pass": "Hardware" in said, "score": 0.9})
                message = {"role": "assistant", "content": f"Here: {verdict}"}
                answer = {
                    "id": "c",
                    "object": "chat.completion",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                }
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def exported(project: Project) -> None:
    given(project, next(one for one in SHAPES if one["name"] == "an export of Evals"))
    turns = [
        {"when": {"message": "screen"}, "times": "any", "answers": [{"text": "Hardware"}]},
        {"times": "any", "answers": [{"text": "Access"}]},
    ]
    project.write("script.yaml", yaml.safe_dump({"version": 1, "turns": turns}))
    assert project.run("apply", "--yes").code == 0


def test_an_export_of_evals_runs(project: Project) -> None:
    exported(project)
    with judging() as url:
        result = project.run(
            "test", "--script", "script.yaml", "--judge", url, "--judge-model", "j", "--format", "json"
        )
    first, second = result.json()["tests"]
    assert first["status"] == "passed", first["why"]
    assert second["status"] == "failed"
    assert "llm-rubric: the judge says: so" in second["why"]
    assert [check["metric"] for check in first["checks"]] == ["Match", "Judge", "Similar"]


def test_a_judge_that_does_not_answer_is_an_error_with_its_place(project: Project) -> None:
    exported(project)
    with judging(broken=True) as url:
        result = project.run(
            "test", "--script", "script.yaml", "--judge", url, "--judge-model", "j", "--format", "json"
        )
    found = result.json()["tests"][0]
    assert (result.code, found["status"]) == (1, "error")
    assert found["why"].startswith("evals/promptfooconfig.yaml:")
    assert f"llm-rubric: the judge at {url} does not answer" in found["why"]
