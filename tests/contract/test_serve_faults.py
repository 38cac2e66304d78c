"""`deployer serve` on a bad day: --faults, --latency and --log, as a person uses them."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import httpx2
import openai
import pytest

from tests.contract.served import serve
from tests.support.project import Project

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK's view of assistants
FAULTS = """
seed: 7
faults:
  - {on: POST /v1/assistants, calls: [1], drop: after}
  - {on: POST /v1/vector_stores, calls: [1], drop: halfway}
  - {on: GET /v1/assistants, calls: [1], status: 429, retry_after_ms: 1}
"""


def test_a_bad_day_and_its_log(tmp_path: Path) -> None:
    faults, log = tmp_path / "faults.yaml", tmp_path / "requests.jsonl"
    faults.write_text(FAULTS, encoding="utf-8")
    with serve(tmp_path / "account", "--faults", str(faults), "--log", str(log)) as one:
        with openai.OpenAI(base_url=one.base_url, api_key="sk-of-a-client", max_retries=2) as client:
            with pytest.raises(openai.APIConnectionError):
                client.with_options(max_retries=0).beta.assistants.create(model="m", name="lost")
            with pytest.raises(httpx2.TransportError):
                httpx2.post(f"{one.base_url}/vector_stores", json={})
            assert [assistant.name for assistant in client.beta.assistants.list()] == ["lost"]
        assert one.stop(signal.SIGTERM) == (0, "")  # and no trace of what was dropped on purpose
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["method"], line["path"], line["status"], line["faults"]) for line in lines] == [
        ("POST", "/v1/assistants", None, [1]),
        ("POST", "/v1/vector_stores", 200, [2]),
        ("GET", "/v1/assistants", 429, [3]),
        ("GET", "/v1/assistants", 200, []),
    ]
    assert "sk-of-a-client" not in log.read_text(encoding="utf-8")


def test_latency_and_a_log_on_standard_output(tmp_path: Path) -> None:
    with serve(tmp_path, "--latency", "40", "--log", "-") as one:
        began = time.monotonic()
        assert httpx2.get(f"{one.base_url}/models").status_code == 200
        assert time.monotonic() - began >= 0.04
        code, said = one.stop(signal.SIGINT)
    assert code == 0
    assert json.loads(said)["path"] == "/v1/models"


def test_bad_faults_are_told_with_their_places(project: Project) -> None:
    project.write(
        "faults.yaml", "faults:\n  - {on: GET /v1/file, delay: 1}\n  - on: POST *\n    statsu: 500\n    delay: 1\n"
    )
    result = project.run(
        "serve", "--faults", str(project.root / "faults.yaml"), "--data", str(project.root / "account")
    )
    name = project.root / "faults.yaml"
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        f"{name}:2:6: no endpoint is 'GET /v1/file'; did you mean 'GET /v1/files'?",
        f"{name}:4:5: unknown key statsu; did you mean status?",
    ]
    assert not (project.root / "account").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    (
        ("faults: [", "faults.yaml:1:10: "),
        ("faults:\n  - {on: GET *, delay: 1, delay: 2}\n", "faults.yaml:2:27: "),
        ("- 1\n", "faults.yaml:1:1: faults must be a mapping with the key faults, and perhaps seed"),
    ),
)
def test_a_file_that_is_no_yaml_or_no_faults(project: Project, text: str, message: str) -> None:
    project.write("faults.yaml", text)
    result = project.run(
        "serve", "--faults", str(project.root / "faults.yaml"), "--data", str(project.root / "account")
    )
    assert result.code == 1
    assert message in result.err


def test_files_that_cannot_be_used(project: Project) -> None:
    missing = project.run("serve", "--faults", str(project.root / "no.yaml"))
    assert (missing.code, "no.yaml does not exist" in missing.err) == (1, True)
    unwritable = project.run(
        "serve", "--log", str(project.root / "no" / "log"), "--data", str(project.root / "account")
    )
    assert unwritable.code == 1
    assert unwritable.err.startswith("the log cannot be written to ")
