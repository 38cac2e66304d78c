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
from dataclasses import dataclass, field
from typing import Any

from deployer import json_text, remote
from deployer.backends import validate
from deployer.backends.base import Row, ignore
from deployer.errors import AccountError
from deployer.kinds import BESIDE, FileForm

_NOT_FOUND = 404
_ID = 16
_REMEDY = "check the folder and its permissions"


def _is_envelope(data: Any) -> bool:
    if not isinstance(data, dict) or not isinstance(data.get("object"), dict):
        return False
    return isinstance(data.get("created_at"), int) and isinstance(data.get("stamp"), dict | None)


_ENVELOPE = FileForm(lambda envelope: str(envelope["id"]), lambda envelope: envelope, lambda data: data)


@dataclass(frozen=True, slots=True)
class FolderBackend:
    """The objects of an account below `place`, a folder for each kind; `account` is what the user calls it.

    Objects of a kind that brings a form of its files (`forms`) stand in `place` itself, under names of their own:
    `seen` remembers which object is in which file.
    """

    account: str
    place: str
    clock: Callable[[], float] = time.time
    forms: Mapping[str, FileForm] = field(default_factory=dict)
    seen: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    files: None = None
    leases: None = None
    models: None = None
    dialogue: None = None

    @property
    def unserved(self) -> tuple[str, ...]:
        return ()

    async def list(self, kind: str, seen: Callable[[Row], object] = ignore) -> list[Row]:
        rows = [*await asyncio.to_thread(self._rows, kind)]
        for row in rows:
            seen(row)
        return rows

    async def get(self, kind: str, live_id: str) -> Row:
        return _row(await asyncio.to_thread(self._found, kind, live_id))

    async def create(self, kind: str, body: Mapping[str, Any], key: str = "") -> Row:
        live_id = f"{kind}-{key[:_ID] or secrets.token_hex(_ID // 2)}"
        made = {"id": live_id, "created_at": int(self.clock()), "stamp": None, "object": {}}
        return await asyncio.to_thread(self._write, kind, made, body)

    async def update(self, kind: str, live_id: str, body: Mapping[str, Any]) -> Row:
        return await asyncio.to_thread(self._updated, kind, live_id, body)

    async def delete(self, kind: str, live_id: str) -> None:
        await asyncio.to_thread(self._delete, kind, live_id)

    async def trim(self, kind: str, live_id: str, keep: int, project: str) -> Sequence[str]:
        """A file is one version."""
        del kind, live_id, keep, project
        return ()

    def odd(self, kind: str, what: str) -> AccountError:
        return AccountError(f"account {self.account}: {self._shown(kind)} {what}; mend or remove the file")

    def reference(self, kind: str, row: Row) -> str:
        """Return where the file is that an application loads."""
        name = self.seen.get((kind, row["id"]))
        return f"{self._shown(kind)}/{name}" if kind in self.forms and name else str(row["id"])

    def _updated(self, kind: str, live_id: str, body: Mapping[str, Any]) -> Row:
        return self._write(kind, self._found(kind, live_id), body)

    def _delete(self, kind: str, live_id: str) -> None:
        name = self._name(kind, live_id)
        if name is None:
            return
        with self._sentence(kind, "changed"):
            self._folder(kind).delete(name)
        self.seen.pop((kind, live_id), None)

    def _rows(self, kind: str) -> Sequence[Row]:
        found = [_row(self._read(kind, name)) for name in self._names(kind)]
        return sorted(found, key=lambda row: (row["created_at"], row["id"]))

    def _names(self, kind: str) -> Sequence[str]:
        with self._sentence(kind, "read"):
            return [name for name in self._folder(kind).names() if name.endswith(".json") and name[0] != "."]

    def _has(self, kind: str, name: str) -> bool:
        with self._sentence(kind, "read"):
            return self._folder(kind).has(name)

    def _name(self, kind: str, live_id: str) -> str | None:
        """Return the file of an object; None when there is none."""
        if not validate.is_id(live_id):
            raise self.odd(kind, f"holds no {live_id!r}")
        if kind not in self.forms:
            return f"{live_id}.json"
        if (kind, live_id) not in self.seen:  # somebody may have called the file otherwise
            self._rows(kind)
        return self.seen.get((kind, live_id))

    def _found(self, kind: str, live_id: str) -> dict[str, Any]:
        name = self._name(kind, live_id)
        found = self._read(kind, name, live_id) if name else None
        if found is None:
            raise self._absent(kind, live_id)
        if found["id"] != live_id:
            raise self.odd(kind, f"holds {name}, which is none of its objects")
        return found

    def _read(self, kind: str, name: str, live_id: str = "") -> dict[str, Any]:
        with self._sentence(kind, "read", live_id):
            content = self._folder(kind).read(name)
        try:
            data = json_text.loads(content)
        except ValueError:
            data = None
        found = self.forms.get(kind, _ENVELOPE).read(data) if isinstance(data, dict) else None
        if found is None or not _is_envelope(found) or not validate.is_id(found["id"]):
            raise self.odd(kind, f"holds {name}, which is none of its objects")
        there = self.seen.setdefault((kind, found["id"]), name)
        if kind in self.forms and there != name and self._has(kind, there):
            raise self.odd(kind, f"holds one object twice, in {there} and {name}")
        if kind not in self.forms and name != f"{found['id']}.json":
            raise self.odd(kind, f"holds {name}, which is none of its objects")
        self.seen[kind, found["id"]] = name
        return dict(found)

    def _write(self, kind: str, envelope: Mapping[str, Any], body: Mapping[str, Any]) -> Row:
        """Set the fields of the body: the stamp goes beside the object. A file that has another name now is moved."""
        fields = {name: value for name, value in body.items() if name != BESIDE}
        changed = {
            **envelope,
            "stamp": body.get(BESIDE, envelope["stamp"]),
            "object": {**envelope["object"], **fields},
        }
        form, before = self.forms.get(kind, _ENVELOPE), self.seen.get((kind, envelope["id"]))
        called = form.name(changed)
        name = before if called is None and before else f"{called or envelope['id']}.json"
        if name != before and kind in self.forms and self._has(kind, name):
            raise AccountError(
                f"account {self.account}: {self._shown(kind)} holds {name} already, which is not this object; "
                "move that file away, or choose another folder"
            )
        text = json.dumps(form.write(changed), ensure_ascii=False, indent=1) + "\n"
        with self._sentence(kind, "changed"):
            self._folder(kind).write(name, text.encode("utf-8", "backslashreplace"))
            if before not in (None, name):
                self._folder(kind).delete(str(before))
        self.seen[kind, envelope["id"]] = name
        return _row(changed)

    def _absent(self, kind: str, live_id: str) -> AccountError:
        text = f"account {self.account}: {self._shown(kind)} holds no {live_id}; plan again"
        return AccountError(text, status=_NOT_FOUND)

    def _folder(self, kind: str) -> remote.Files:
        return remote.Files(self._place(kind))

    def _place(self, kind: str) -> str:
        return self.place if kind in self.forms else f"{self.place}/{kind}"

    def _shown(self, kind: str) -> str:
        place = self._place(kind)
        return remote.shown(place) if remote.is_url(place) else place

    @contextmanager
    def _sentence(self, kind: str, done: str, live_id: str = "") -> Iterator[None]:
        """Turn whatever a system or a driver says into one sentence."""
        try:
            yield
        except FileNotFoundError:
            raise self._absent(kind, live_id) from None
        except Exception as error:  # noqa: BLE001 (drivers raise what their services' libraries do: botocore's, aiohttp's …)
            why = getattr(error, "strerror", None) or " ".join(str(error).split())[:200] or type(error).__name__
            text = f"account {self.account}: {self._shown(kind)} cannot be {done} ({why}); {_REMEDY}"
            raise AccountError(text) from None


def _row(envelope: Mapping[str, Any]) -> Row:
    """Return the object with what stands beside it, as a place answers it."""
    beside = {} if envelope["stamp"] is None else {BESIDE: envelope["stamp"]}
    return {**envelope["object"], **beside, "id": envelope["id"], "created_at": envelope["created_at"]}
