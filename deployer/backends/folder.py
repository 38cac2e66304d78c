"""A folder as a place of live objects: one JSON file for each, in a folder of this machine or behind a URL (fsspec).

A file is an envelope: the object as its kind writes it, and beside it what deployer has to know (its id, when it was
made, and the stamp of a kind that has no metadata of its own). It is written whole or not at all.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deployer import remote
from deployer.backends import validate
from deployer.backends.base import Row, ignore
from deployer.errors import AccountError
from deployer.kinds import BESIDE

_NOT_FOUND = 404
_REMEDY = "check the folder and its permissions"


@dataclass(frozen=True, slots=True)
class FolderBackend:
    """The objects of an account below `place`, a folder for each kind; `account` is what the user calls it."""

    account: str
    place: str
    clock: Callable[[], float] = time.time
    files: None = None
    leases: None = None
    models: None = None
    dialogue: None = None

    async def list(self, kind: str, seen: Callable[[Row], object] = ignore) -> list[Row]:
        rows = [*await asyncio.to_thread(self._rows, kind)]
        for row in rows:
            seen(row)
        return rows

    async def get(self, kind: str, live_id: str) -> Row:
        return _row(await asyncio.to_thread(self._read, kind, live_id))

    async def create(self, kind: str, body: Mapping[str, Any]) -> Row:
        live_id = f"{kind}-{secrets.token_hex(8)}"
        made = {"id": live_id, "created_at": int(self.clock()), "stamp": None, "object": {}}
        return await asyncio.to_thread(self._write, kind, made, body)

    async def update(self, kind: str, live_id: str, body: Mapping[str, Any]) -> Row:
        return await asyncio.to_thread(self._updated, kind, live_id, body)

    async def delete(self, kind: str, live_id: str) -> None:
        await asyncio.to_thread(self._delete, kind, live_id)

    def odd(self, kind: str, what: str) -> AccountError:
        return AccountError(f"account {self.account}: {self._shown(kind)} {what}; mend or remove the file")

    def _updated(self, kind: str, live_id: str, body: Mapping[str, Any]) -> Row:
        return self._write(kind, self._read(kind, live_id), body)

    def _delete(self, kind: str, live_id: str) -> None:
        with self._sentence(kind, "changed"):
            self._folder(kind).delete(_name(live_id))

    def _rows(self, kind: str) -> Sequence[Row]:
        with self._sentence(kind, "read"):
            names = [name for name in self._folder(kind).names() if name.endswith(".json") and name[0] != "."]
        found = [_row(self._read(kind, name.removesuffix(".json"))) for name in names]
        return sorted(found, key=lambda row: (row["created_at"], row["id"]))

    def _read(self, kind: str, live_id: str) -> dict[str, Any]:
        if not validate.is_id(live_id):
            raise self.odd(kind, f"holds no {live_id!r}")
        with self._sentence(kind, "read", live_id):
            content = self._folder(kind).read(_name(live_id))
        try:
            data = json.loads(content)
        except (ValueError, RecursionError):
            data = None
        if not _is_envelope(data) or data["id"] != live_id:
            raise self.odd(kind, f"holds {_name(live_id)}, which is none of its objects")
        return dict(data)

    def _write(self, kind: str, envelope: Mapping[str, Any], body: Mapping[str, Any]) -> Row:
        """Set the fields of the body: the stamp goes beside the object."""
        fields = {name: value for name, value in body.items() if name != BESIDE}
        changed = {
            **envelope,
            "stamp": body.get(BESIDE, envelope["stamp"]),
            "object": {**envelope["object"], **fields},
        }
        text = json.dumps(changed, ensure_ascii=False, indent=1) + "\n"
        with self._sentence(kind, "changed"):
            self._folder(kind).write(_name(envelope["id"]), text.encode("utf-8", "backslashreplace"))
        return _row(changed)

    def _folder(self, kind: str) -> remote.Files:
        return remote.Files(f"{self.place}/{kind}")

    def _shown(self, kind: str) -> str:
        place = f"{self.place}/{kind}"
        return remote.shown(place) if remote.is_url(place) else place

    @contextmanager
    def _sentence(self, kind: str, done: str, live_id: str = "") -> Iterator[None]:
        """Turn whatever a system or a driver says into one sentence."""
        try:
            yield
        except FileNotFoundError:
            text = f"account {self.account}: {self._shown(kind)} holds no {live_id}; plan again"
            raise AccountError(text, status=_NOT_FOUND) from None
        except Exception as error:  # noqa: BLE001 (drivers raise what their services' libraries do: botocore's, aiohttp's …)
            why = getattr(error, "strerror", None) or " ".join(str(error).split())[:200] or type(error).__name__
            text = f"account {self.account}: {self._shown(kind)} cannot be {done} ({why}); {_REMEDY}"
            raise AccountError(text) from None


def _name(live_id: str) -> str:
    return f"{live_id}.json"


def _is_envelope(data: Any) -> bool:
    if not isinstance(data, dict) or not isinstance(data.get("object"), dict):
        return False
    return isinstance(data.get("created_at"), int) and isinstance(data.get("stamp"), dict | None)


def _row(envelope: Mapping[str, Any]) -> Row:
    """Return the object with what stands beside it, as a place answers it."""
    beside = {} if envelope["stamp"] is None else {BESIDE: envelope["stamp"]}
    return {**envelope["object"], **beside, "id": envelope["id"], "created_at": envelope["created_at"]}
