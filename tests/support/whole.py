"""All that an account holds, told without ids and times: two accounts that are alike give the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.testclient import TestClient

from deployer.engine import stamp
from deployer.kinds import vector_store
from deployer.server import EmbeddedAccount

Json = dict[str, Any]
VOLATILE = ("id", "created_at", "updated_at", "last_active_at", "expires_at", "usage_bytes", "vector_store_id")
_FORMS = re.compile(r"(=[0-9a-f]+)[.!][0-9a-f]{4,8}\b")
_CHUNKING = re.compile(rf" ?{stamp.name_of(vector_store.CHUNKING)}=[0-9a-f]+")
_EMPTY = f'"{vector_store.DECLARED_KEY}": "", '
_DOCUMENTS = re.compile(r', "deployer_files": \[(?:\[[^\]]*\](?:, )?)*\]')
IDS = re.compile(r"\b(?:file-|vs_)\w+")
HEADERS = {"OpenAI-Beta": "assistants=v2"}
AGENTS = {"OpenAI-Beta": "agents=v1"}
PROJECT = "/api/projects/embedded"
"""Of Foundry: where an account in this process has its agents."""


@dataclass(frozen=True)
class Whole:
    """Everything, as it is; `told` is the comparable form."""

    assistants: list[Json]
    stores: list[Json]
    members: Mapping[str, list[Json]]
    files: Mapping[str, str]
    """File ids, with the name and the sha256 of what they hold."""

    @property
    def told(self) -> list[str]:
        labels = {**self.files, **{store["id"]: f"store {_name(store)}" for store in self.stores}}
        short = {stamp.name_of(one): label for one, label in self.files.items()}
        texts = [_told(one, labels, short) for one in (*self.assistants, *self.stores)]
        for store in self.stores:
            for member in self.members[store["id"]]:
                held = {**member, "file": labels.get(member["id"], "missing")}
                texts.append(f"{_name(store)} holds {_told(held, labels, short)}")
        return sorted([*texts, *(f"file {label}" for label in self.files.values())])

    @property
    def content(self) -> list[str]:
        """The same without what stamps note of a service: its own forms, the documents that memberships cannot name."""
        texts = [_CHUNKING.sub("", _FORMS.sub(r"\1", text)).replace(_EMPTY, "") for text in self.told]
        return [_DOCUMENTS.sub("", text) if '"object": "vector_store"' in text else text for text in texts]

    @property
    def twice(self) -> list[str]:
        """What there is more than once: objects of an address, and the same version of a document in a store."""
        marks = [(one.get("metadata") or {}).get(stamp.OWNER) for one in (*self.assistants, *self.stores)]
        versions = [
            (
                store,
                *((row.get("attributes") or {}).get(name, row["id"]) for name in ("deployer_path", "deployer_sha256")),
            )
            for store, rows in self.members.items()
            for row in rows
        ]
        found = Counter[object](filter(None, [*marks, *versions]))
        return [f"{count} of {what}" for what, count in found.items() if count > 1]

    @property
    def unheld(self) -> set[str]:
        """Files that no store and no assistant holds."""
        held = {one["id"] for rows in self.members.values() for one in rows}
        text = json.dumps(self.assistants)
        return {one for one in self.files if one not in held and one not in text}


def _name(row: Json) -> str:
    return str((row.get("metadata") or {}).get("deployer") or row.get("name"))


def _told(row: Json, labels: Mapping[str, str], short: Mapping[str, str]) -> str:
    kept = {key: value for key, value in row.items() if key not in VOLATILE}
    text = IDS.sub(lambda found: labels.get(found[0], found[0]), json.dumps(kept, sort_keys=True, ensure_ascii=False))
    held = json.loads(text)
    marks = (held.get("metadata") or {}).get(stamp.FILES)
    if marks:
        held["metadata"][stamp.FILES] = sorted([short.get(one, one), mark] for one, mark in stamp.parsed(marks).items())
    return json.dumps(held, sort_keys=True, ensure_ascii=False)


def whole(account: EmbeddedAccount) -> Whole:
    """Read all of it, once nothing is being ingested any more."""
    with TestClient(account.app, base_url="http://test") as client:

        def rows(path: str, headers: Mapping[str, str] = HEADERS) -> list[Json]:
            query, found = {"limit": "100"}, list[Json]()
            while True:
                page = client.get(f"/v1{path}", params=query, headers=dict(headers)).json()
                found += page["data"]
                if not page.get("has_more"):
                    return found
                query["after"] = found[-1]["id"]

        files = {row["id"]: _content(client.get, row) for row in client.get("/v1/files").json()["data"]}
        stores = rows("/vector_stores")
        members = {store["id"]: rows(f"/vector_stores/{store['id']}/files") for store in stores}
        return Whole([*rows("/assistants"), *rows("/agents", AGENTS), *_versions(client)], stores, members, files)


def _versions(client: TestClient) -> Iterator[Json]:
    """Every version of every named agent of the project that tests use."""
    place, query = f"{PROJECT}/agents", {"api-version": "v1", "limit": "100"}
    for agent in client.get(place, params=query).json()["data"]:
        yield from client.get(f"{place}/{agent['name']}/versions", params=query).json()["data"]


def _content(get: Callable[[str], Any], row: Json) -> str:
    content = get(f"/v1/files/{row['id']}/content").content
    return f"{row['filename']} {hashlib.sha256(content).hexdigest()}"
