"""A project on an account that is served badly: its manifest, its key, and what it has live there."""

from __future__ import annotations

from typing import Any

from deployer.engine import stamp
from deployer.model import Address
from tests.backends.servers import Behaviour, Reply, page
from tests.support.project import Project, Result

KEY = "sk-live-0123456789abcdef"


def manifest(project: Project, base_url: str) -> None:
    project.manifest(
        f"""
        accounts:
          bad: {{api: assistants, base_url: "{base_url}", api_key: "${{env.BAD_KEY}}", list_lag: 0}}
        assistants:
          tutor: {{model: gpt-6-luna, name: Tutor, tools: [{{type: code_interpreter}}]}}
        """
    )


def sentence(result: Result, base_url: str) -> str:
    """The one line that a refused command leaves, when it leaves nothing worse."""
    assert result.code == 1, result.out + result.err
    assert KEY not in result.out + result.err
    assert "Traceback" not in result.out + result.err
    lines = result.err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"account bad: GET {base_url}/"), lines[0]
    return lines[0]


def tutor(**fields: Any) -> dict[str, Any]:
    """Our own assistant, as a server answers it."""
    mark = stamp.write("test", Address("assistant", "tutor"), {"model": "gpt-6-luna"}, "")
    return {"id": "asst_1", "object": "assistant", "model": "gpt-6-luna", "metadata": mark, "tools": [], **fields}


def lists(*rows: Any, **more: Any) -> Behaviour:
    """Assistants as given, and no vector stores."""
    return lambda asked: page(*rows, **more) if asked.collection == "/assistants" else page()


def always(reply: Reply) -> Behaviour:
    return lambda _asked: reply
