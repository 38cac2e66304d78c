"""Agents that are named, and rows of versions that never change (Microsoft Foundry).

The row of an agent is its latest version, by the agent's name. An agent has no metadata but that of its versions, so
where somebody made a version by hand, the stamp is that of the newest version that carries one. A POST is an upsert,
which serves at once whosever the agent is: it is sent once, and only after a look at what is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.backends.base import Row
from deployer.backends.http import pages
from deployer.backends.http.client import Client
from deployer.backends.http.failures import Failure
from deployer.backends.http.redact import redacted
from deployer.engine import stamp
from deployer.errors import AccountError
from deployer.kinds.foundry import pinned

_CARRIED = ("agent_endpoint", "state")
"""Fields of the agent itself that stand in its row, too."""
_FIELDS = ("created_at", "description", "metadata", "definition", "version", "blueprint_reference")
_FIRST = "1"
_REMEDY = "check the account's api and base_url"


def latest(agent: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the row of an agent by its latest version; None of what has no such form."""
    versions, name = agent.get("versions"), agent.get("name")
    version = versions.get("latest") if isinstance(versions, dict) else None
    if not isinstance(version, dict) or not isinstance(name, str) or not _is_number(version.get("version")):
        return None
    return _row(name, version, agent)


def _is_number(version: Any) -> bool:
    return isinstance(version, str | int) and not isinstance(version, bool)


def _row(name: str, version: Mapping[str, Any], agent: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field: version[field] for field in _FIELDS if field in version} | {"version": str(version["version"])}
    return {
        "id": name,
        "object": "agent",
        "name": name,
        **fields,
        **{one: agent[one] for one in _CARRIED if one in agent},
    }


@dataclass(frozen=True, slots=True)
class Versioned:
    """The named agents of an account, each a row of versions; `seen` are those that were read last, by name."""

    client: Client
    gate: asyncio.Semaphore
    path: str
    seen: dict[str, str]

    async def rows(self, agents: Sequence[Row]) -> list[Row]:
        """Return the rows of agents that were listed, in their order."""
        return list(await asyncio.gather(*map(self._read, agents)))

    async def get(self, name: str) -> Row:
        agent = redacted((await self.client.get(f"{self.path}/{name}")).data, self.client.settings.api_key)
        return await self._read(agent)

    async def _read(self, agent: Row) -> Row:
        found = latest(agent)
        versions, name = agent.get("versions"), agent.get("name")
        if isinstance(versions, dict) and versions.get("latest") is None and isinstance(name, str):
            return {"id": name, "object": "agent", "name": name}  # it has nothing but drafts, say
        if found is None:
            raise pages.odd_answer(self.client, self.path, f"gave {agent.get('id')} without its versions")
        self.seen[found["id"]] = found["version"]
        metadata = found.get("metadata")
        if found["version"] == _FIRST or not isinstance(metadata, dict) or _is_marked(found):
            return found
        path = f"{self.path}/{found['id']}/versions"
        marked = await pages.first(self.client, self.gate, path, _is_marked, {"order": "desc"})
        if marked is None or stamp.OWNER not in marked["metadata"]:
            return found
        own = {key: value for key, value in marked["metadata"].items() if stamp.is_own(key)}
        return {**found, "metadata": {**metadata, **own}, "stamped_version": str(marked.get("version"))}

    async def create(self, body: Mapping[str, Any]) -> Row:
        """Make an agent with its first version; AccountError where there is one of that name, whosever it is."""
        name = str(body["name"])
        try:
            there: Row | None = (await self.client.get(f"{self.path}/{name}")).data
        except AccountError as error:
            if not error.absent:
                raise
            there = None
        if there is not None:
            raise self._error(
                name, "is there already", "plan again: the plan says how to adopt it, or choose another agent_name"
            )
        made = await self._posted(name, {field: value for field, value in body.items() if field != "name"})
        if made["version"] != _FIRST:
            await self._take_back(name, made["version"])
        return made

    async def _take_back(self, name: str, version: str) -> None:
        """A first version is number 1: one with another number went on top of what somebody made meanwhile."""
        path = f"{self.path}/{name}/versions"
        other = await pages.first(self.client, self.gate, path, lambda row: row.get("version") != version, {})
        if other is not None:
            await self.client.write("DELETE", f"{path}/{version}", again=True)
            what = f"came into being meanwhile; version {version}, which went on top of it, was deleted"
            raise self._error(name, what, "look at it and plan again")

    async def update(self, name: str, body: Mapping[str, Any]) -> Row:
        """Make the next version, once; AccountError where the service took it for none, or somebody was faster."""
        old = self.seen[name] if name in self.seen else str((await self.get(name)).get("version", ""))
        made = await self._posted(name, body)
        if made["version"] == old and stamp.pairs(made) != stamp.pairs(body):
            what = f"takes what was sent for version {old}, which is there already, and keeps its metadata"
            raise self._error(name, what, "change a field beside it, for example description, and run again")
        await self._check_number(name, old, made["version"])
        return made

    async def _check_number(self, name: str, old: str, new: str) -> None:
        """Raise where somebody made a version between the look and the write, or deleted the agent."""
        if not (old.isdecimal() and new.isdecimal()):
            return
        if int(new) < int(old):
            what = f"has version {new} now, after version {old}: it was deleted meanwhile, and was made anew"
            raise self._error(name, what, "look at it, and plan again")
        for number in range(int(old) + 1, int(new)):  # one that is gone by now was deleted: numbers only go up
            try:
                await self.client.get(f"{self.path}/{name}/versions/{number}")
            except AccountError as error:
                if not error.absent:
                    raise
            else:
                what = f"has version {new} now, on top of version {number}, which somebody made meanwhile"
                raise self._error(name, what, "look at both, and plan again")

    async def trim(self, name: str, keep: int, project: str) -> list[str]:
        """Delete what a project made but for its newest versions; never what serves, and nothing of others."""
        agent = await self.get(name)
        found = await pages.rows(self.client, f"{self.path}/{name}/versions", {}, self.gate, until_empty=True)
        marks = {str(row.get("version")): stamp.of(row) for row in found}
        own = [version for version, mark in marks.items() if mark and mark.project == project]
        serving = {agent.get("version"), *pinned(agent)}
        gone = [version for version in own[:-keep] if version not in serving]
        for version in gone:
            await self.client.write("DELETE", f"{self.path}/{name}/versions/{version}", again=True)
        return gone

    async def _posted(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        path = f"{self.path}/{name}/versions"
        version = (await self.client.write("POST", path, body)).data
        if _is_number(version.get("version")):
            self.seen[name] = str(version["version"])
            return _row(name, version, {})
        raise self.client.error("POST", path, Failure("answered without a version", _REMEDY), done=True)

    def _error(self, name: str, what: str, remedy: str) -> AccountError:
        return AccountError(f"account {self.client.settings.name}: agent {name} {what}; {remedy}")


def _is_marked(version: Row) -> bool:
    """Whether a version carries a stamp, or the mark that it is foreign again."""
    metadata = version.get("metadata")
    return isinstance(metadata, dict) and any(map(stamp.is_own, metadata))
