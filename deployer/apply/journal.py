"""What this machine knows of an apply that did not live to its end: what it was making, sent, and about to delete.

Everything else is read back from the account; but a File object carries no mark, so between its upload and its attach,
and between its detach and its delete, nothing on the account says whose it is. On another machine `gc` finds these. An
object shows in a list only after a while, or never: until a list has shown it, its create stands here.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer import cache, json_text
from deployer.backends.base import without_password
from deployer.model import AccountSettings

_NAME = "journal.jsonl"
NOTED = cache.FOLDER / _NAME
_KEPT = 24 * 3600.0
"""Seconds for which a create whose result never showed keeps its nonce: services keep keys for about a day."""


@dataclass(frozen=True, slots=True)
class BegunCreate:
    """A create that no list has shown the result of: when it began (Unix seconds), and the id if that was answered.

    `nonce` is what makes its key; a repeat of the same create has the same. `flawed`: it was made without its whole
    stamp, of which this is the fingerprint, and could not be taken back.
    """

    nonce: str
    began: float
    live_id: str = ""
    flawed: str = ""


@dataclass(slots=True)
class Journal:
    """`sent` maps ids to the sha256 of what they hold; `released` are ids whose delete may not have happened.

    `names` are those under which they were sent. `lost` are uploads whose answers were lost, and that did not show:
    name, size and sha256. `creates` are those, by address, that no list has shown the result of. `talks` are the ids of
    conversations that a test began and may not have deleted.
    """

    folder: Path
    account: str
    sent: dict[str, str] = field(default_factory=dict)
    released: dict[str, None] = field(default_factory=dict)
    creates: dict[str, BegunCreate] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lost: set[tuple[str, int, str]] = field(default_factory=set)
    talks: dict[str, None] = field(default_factory=dict)
    prepared: bool = False

    @classmethod
    def of(cls, root: Path, settings: AccountSettings, project: str) -> Journal:
        """Read what was noted for this project on this account; two projects may share a folder."""
        account = f"{project} {settings.name} {without_password(settings.base_url or '')}"
        journal = cls(root / settings.home / cache.FOLDER, account)
        for entry in _entries(journal.folder / _NAME):
            if entry.get("account") == journal.account and not _is_at_work(entry):
                journal._remember(entry)
        return journal

    def _remember(self, entry: dict[str, Any]) -> None:
        match entry:
            case {"sent": str(file_id), "sha256": str(sha256)}:
                self.sent[file_id] = sha256
                self.names[file_id] = str(entry.get("name", ""))
            case {"lost": str(sha256), "name": str(name), "size": int(size)}:
                self.lost.add((name, size, sha256))
            case {"released": str(file_id)}:
                self.released[file_id] = None
            case {"deleted": str(file_id)}:
                self.sent.pop(file_id, None)
                self.released.pop(file_id, None)
            case {"creating": str(address), "nonce": str(nonce), "at": int() | float() as began}:
                self.creates[address] = BegunCreate(nonce, began)
            case {"created": str(address), "id": str(live_id)} if address in self.creates:
                flawed = str(entry.get("flawed") or "")
                self.creates[address] = replace(self.creates[address], live_id=live_id, flawed=flawed)
            case {"talk": str(thread)}:
                self.talks[thread] = None
            case {"hung_up": str(thread)}:
                self.talks.pop(thread, None)
            case {"settled": str(address)}:
                self.creates.pop(address, None)

    @property
    def left_over(self) -> dict[str, str]:
        """Return the ids that may be left over, each with the sha256 of what it holds ("" where it is unwanted)."""
        return {**self.sent, **dict.fromkeys(self.released, "")}

    def send(self, file_id: str, sha256: str, name: str = "") -> None:
        self._write([{"sent": file_id, "sha256": sha256, "name": name}])

    def talk(self, thread: str) -> None:
        """Note a conversation that is to be deleted: no list of the account shows it."""
        self._write([{"talk": thread}])

    def hang_up(self, thread: str) -> None:
        """Note that a conversation is deleted."""
        self._write([{"hung_up": thread}])
        if not (self.creates or self.sent or self.released or self.lost or self.talks):
            self.clear()

    def lose(self, name: str, size: int, sha256: str) -> None:
        """Note an upload that may have arrived."""
        self._write([{"lost": sha256, "name": name, "size": size}])

    def release(self, file_ids: Iterable[str]) -> None:
        self._write([{"released": one} for one in file_ids if one not in self.released])

    def delete(self, file_id: str) -> None:
        self._write([{"deleted": file_id}])

    def begin(self, address: str) -> str:
        """Note a create before it is sent; return its nonce, which is the same for one that may have been lost."""
        known = self.creates.get(address)
        nonce = known.nonce if known else secrets.token_hex(8)
        self._write([{"creating": address, "nonce": nonce, "at": time.time()}])
        return nonce

    def made(self, address: str, live_id: str, *, flawed: str = "") -> None:
        self._write([{"created": address, "id": live_id, **({"flawed": flawed} if flawed else {})}])

    @property
    def begun(self) -> dict[str, BegunCreate]:
        """Return the creates that may yet show: those whose id is known, and those of the last day."""
        since = time.time() - _KEPT
        return {name: one for name, one in self.creates.items() if one.live_id or one.began > since}

    def settle(self, addresses: Iterable[str]) -> None:
        """Forget creates: a list shows what they made, or nothing was made."""
        self._write([{"settled": one} for one in addresses if one in self.creates])
        if not (self.creates or self.sent or self.released or self.lost or self.talks):
            self.clear()

    def clear(self) -> None:
        """Forget what is noted of files of this account: the apply came to its end. What others noted stays."""
        path = self.folder / _NAME
        entries = _entries(path)
        left = [one for one in entries if one.get("account") != self.account or _is_at_work(one) or self._is_open(one)]
        self.sent.clear()
        self.lost.clear()
        self.released.clear()
        try:
            if left:
                path.write_text("".join(json.dumps(one) + "\n" for one in left), encoding="ascii")
            else:
                path.unlink(missing_ok=True)
        except OSError:  # as with what is written: a hint
            return

    def _is_open(self, entry: dict[str, Any]) -> bool:
        return entry.get("creating", entry.get("created")) in self.creates or entry.get("talk") in self.talks

    def _write(self, entries: list[dict[str, Any]]) -> None:
        """Append whole lines: a killed process leaves at most one that is torn, and that one is not read."""
        for entry in entries:
            self._remember(entry)
        if not entries:
            return
        mine = {"account": self.account, **_me(os.getpid())}
        lines = [json.dumps({**mine, **entry}) + "\n" for entry in entries]
        try:
            if not self.prepared:
                cache.prepare(self.folder)
                self.prepared = True
            with (self.folder / _NAME).open("ab") as file:
                file.write("".join(lines).encode("ascii"))
        except OSError:  # a hint that cannot be kept: gc finds what it would have told
            return


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [entry for line in lines if isinstance(entry := _entry(line), dict)]


def _is_at_work(entry: dict[str, Any]) -> bool:
    """Whether another process is in the middle of an apply: what it has sent is not left over."""
    pid, born = entry.get("pid"), entry.get("born")
    if not isinstance(pid, int) or pid == os.getpid() or not _runs(pid):
        return False
    now = _born(pid)
    return now is None or now == (born or now)  # an entry without it is from an older version, or another system


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is somebody else's
        return True
    return True


@functools.cache
def _me(pid: int) -> dict[str, Any]:
    """Return what tells this process from others; an apply writes it thousands of times."""
    return {"pid": pid, "born": _born(pid)}


def _born(pid: int) -> str | None:
    """Return what tells a process from others that have its number at another time or, as 1, in each container.

    None where the system does not tell (there is no /proc); "" for one that has ended and was not waited for. The
    fields come after the name, which may hold anything.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return "" if fields[0] == b"Z" else f"{boot} {int(fields[19])}"
    except (OSError, ValueError, IndexError):
        return None


def _entry(line: str) -> Any:
    try:
        return json_text.loads(line)
    except ValueError:
        return None
