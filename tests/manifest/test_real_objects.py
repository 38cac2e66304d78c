"""Every assistant and vector store of the recorded sessions with the real API: exported one to one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from deployer import manifest
from deployer.engine import canonical, stamp
from deployer.kinds import kinds_of
from tests.manifest.foreign import Hand, by_hand
from tests.server.recordings import MATERIAL, sessions
from tests.support.project import Project

pytestmark = pytest.mark.skipif(
    not (MATERIAL / "recorded.jsonl").exists(), reason="../shared/material/recorded.jsonl is not here"
)
SET = ("name", "description", "model", "instructions", "metadata", "temperature", "top_p", "reasoning_effort")
KINDS = kinds_of("assistants")
LARGEST = 10_000


def recorded(kind: str) -> list[dict[str, Any]]:
    """Every state of every object that an answer showed, once."""
    found: dict[str, dict[str, Any]] = {}
    for steps in sessions():
        for step in steps:
            found |= {json.dumps(one, sort_keys=True): one for one in _objects(step.answer) if one["object"] == kind}
    return list(found.values())


def _objects(answer: Any) -> Iterator[dict[str, Any]]:
    if isinstance(answer, dict):
        if isinstance(answer.get("object"), str) and isinstance(answer.get("id"), str):
            yield answer
        for value in answer.values():
            yield from _objects(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _objects(value)


class Copies:
    """Makes the recorded objects on an account; one that only an id tells of is made empty."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.files = {one["id"]: one for one in recorded("file")}
        self.stores: dict[str, str] = {}
        self.uploaded: dict[str, str] = {}

    def store(self, recorded_id: str, state: Mapping[str, Any]) -> str:
        body = {name: state[name] for name in ("name", "metadata", "expires_after") if state.get(name)}
        self.stores[recorded_id] = str(self.hand.make("vector_stores", **body)["id"])
        return self.stores[recorded_id]

    def document(self, row: Mapping[str, Any]) -> None:
        file = self.files.get(row["id"], {"filename": f"{row['id']}.txt", "bytes": 10})
        store = self.stores.get(row["vector_store_id"]) or self.store(row["vector_store_id"], {})
        name = file["filename"].rpartition("/")[2].rpartition(".")[0] + ".txt"  # no PDF can be made of its size
        settings = {"attributes": row["attributes"]} if row.get("attributes") else {}
        if (row.get("chunking_strategy") or {}).get("type") == "static":
            settings["chunking_strategy"] = row["chunking_strategy"]
        self.hand.attach(store, name, b"x" * min(file["bytes"], LARGEST) or b"x", **settings)

    def assistant(self, state: Mapping[str, Any]) -> str:
        body = {name: state[name] for name in SET if state.get(name) is not None}
        body |= {name: _without_nulls(state[name]) for name in ("tools", "response_format") if state.get(name)}
        found = (state.get("tool_resources") or {}).get("file_search", {}).get("vector_store_ids", [])
        stores = [self.stores.get(one) or self.store(one, {}) for one in found]
        resources = {"tool_resources": {"file_search": {"vector_store_ids": stores}}} if stores else {}
        return str(self.hand.make("assistants", **body, **resources)["id"])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_all_real_objects_are_exported_one_to_one(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assistants, stores, documents = (recorded(kind) for kind in ("assistant", "vector_store", "vector_store.file"))
    held = {(one["vector_store_id"], one["id"]): one for one in documents}
    with by_hand(project.root) as hand:
        copies = Copies(hand)
        for state in stores:
            copies.store(state["id"], state)
        for row in held.values():
            copies.document(row)
        made = [copies.assistant(state) for state in assistants]
        live = [hand.get(f"assistants/{one}") for one in made]
        count = hand.get("vector_stores?limit=100")["data"]
    result = project.run("export", "--project", "real", "--yes")
    assert (result.code, result.err) == (0, ""), result.out[-500:]
    assert "The next plan is empty." in result.out
    assert project.run("plan", "--exit-code").code == 0
    found = manifest.compile_manifest(project.root / "assistants.yaml", None, {}, {})
    assert len([one for one in found.resources if one.address.kind == "assistant"]) == len(assistants) >= 100
    assert len([one for one in found.resources if one.address.kind == "vector_store"]) == len(count) >= 30
    assert sum(len(one.files) for one in found.resources) == len(held) >= 40
    _nothing_is_lost(project, live)
    with by_hand(project.root) as hand:
        for before in live:
            after = hand.get(f"assistants/{before['id']}")
            assert {**after, "metadata": stamp.without(after["metadata"])} == before
    with capsys.disabled():
        print(f" {len(assistants)} assistants, {len(count)} vector stores, {len(held)} documents ", end="")


def _nothing_is_lost(project: Project, live: list[dict[str, Any]]) -> None:
    """Compare what the manifest says of each assistant with what the account answered before the export."""
    ids = project.run("outputs", "--format", "json").json()
    address_of = {live_id: address for address, live_id in ids.items()}
    found = manifest.compile_manifest(project.root / "assistants.yaml", None, {}, {})
    said = {str(one.address): KINDS["assistant"].express(one.attrs).attrs for one in found.resources}
    kind = KINDS["assistant"]
    for raw in live:
        wanted = kind.canonical(raw, address_of)
        attrs = said[address_of[raw["id"]]]
        for name, value in wanted.items():
            default = {} if name == "metadata" else kind.defaults[name]
            assert canonical.same(attrs.get(name, default), value), (name, raw["id"])
