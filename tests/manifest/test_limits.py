"""The API's limits, each on both sides of its edge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.project import Project

ASSISTANT = {"model": "gpt-6-luna"}


def _assistant(**fields: Any) -> dict[str, Any]:
    return {"assistants": {"a": {**ASSISTANT, **fields}}}


def _store(**fields: Any) -> dict[str, Any]:
    return {"vector_stores": {"s": fields}}


def _attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    return _store(files=[{"path": "a.md", "attributes": attributes}])


def _data(count: int, metadata: int) -> dict[str, Any]:
    files = [f"data/{number}.csv" for number in range(count)]
    pairs = {f"k{number}": "" for number in range(metadata)}
    return _assistant(tools=[{"type": "code_interpreter", "files": files}], metadata=pairs)


def _days(days: int) -> dict[str, Any]:
    return _store(expires_after={"anchor": "last_active_at", "days": days})


def _function(**fields: Any) -> dict[str, Any]:
    return _assistant(tools=[{"type": "function", "name": "f", **fields}])


def _tools(count: int) -> dict[str, Any]:
    return _assistant(tools=[{"type": "function", "name": f"f{number}"} for number in range(count)])


EDGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "name": (_assistant(name="한" * 256), _assistant(name="한" * 257)),
    "description": (_assistant(description="x" * 512), _assistant(description="x" * 513)),
    "instructions": (_assistant(instructions="x" * 256_000), _assistant(instructions="x" * 256_001)),
    "model": (_assistant(model="x" * 256), _assistant(model="x" * 257)),
    "tools": (_tools(128), _tools(129)),
    "temperature": (_assistant(temperature=2), _assistant(temperature=2.01)),
    "temperature is not negative": (_assistant(temperature=0), _assistant(temperature=-0.01)),
    "top_p": (_assistant(top_p=1), _assistant(top_p=1.01)),
    "metadata pairs": (
        _assistant(metadata={f"k{number}": "" for number in range(13)}),
        _assistant(metadata={f"k{number}": "" for number in range(14)}),
    ),
    "metadata key": (_assistant(metadata={"k" * 64: ""}), _assistant(metadata={"k" * 65: ""})),
    "metadata value": (_store(metadata={"k": "x" * 512}), _store(metadata={"k": "x" * 513})),
    "function name": (_function(name="f" * 64), _function(name="f" * 65)),
    "key": ({"assistants": {"a" * 63: ASSISTANT}}, {"assistants": {"a" * 64: ASSISTANT}}),
    "store name": (_store(name="x" * 256), _store(name="x" * 257)),
    "days": (_days(365), _days(366)),
    "attributes": (
        _attributes({f"k{number}": 1 for number in range(12)}),
        _attributes({f"k{number}": 1 for number in range(13)}),
    ),
    "attribute name": (_attributes({"k" * 64: 1}), _attributes({"k" * 65: 1})),
    "attribute text": (_attributes({"k": "한" * 256}), _attributes({"k": "한" * 257})),
    "attribute number": (_attributes({"k": 2**53 - 1}), _attributes({"k": 2**53})),
    "attribute of deployer": (_attributes({"Deployer": 1}), _attributes({"deployer1": 1})),
    "files of the code interpreter": (_data(20, 0), _data(21, 0)),
    "metadata pairs with files": (_data(1, 12), _data(1, 13)),
}


@pytest.mark.parametrize("name", EDGES)
def test_the_edge_is_allowed_and_one_more_is_not(project: Project, name: str) -> None:
    for file in ("a.md", *(f"data/{number}.csv" for number in range(21))):
        project.write(file, "x")
    for data, code, lines in zip(EDGES[name], (0, 1), (0, 1), strict=True):
        project.write(
            "assistants.yaml", json.dumps({"version": 1, "project": "test", "silence": ["many-functions"], **data})
        )
        result = project.run("validate")
        assert (result.code, len(result.err.splitlines())) == (code, lines), result.err
