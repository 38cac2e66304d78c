"""What this machine knows of an apply that did not live to its end: files sent, and files about to be deleted.

Everything else is read back from the account; but a File object carries no mark, so between its upload and its attach,
and between its detach and its delete, nothing on the account says whose it is. On another machine `gc` finds these.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer import cache, json_text
from deployer.backends.base import without_password
from deployer.model import AccountSettings

_NAME = "journal.jsonl"


@dataclass(slots=True)
class Journal:
    """`sent` maps ids to the sha256 of what they hold; `released` are ids whose delete may not have happened."""

    folder: Path
    account: str
    sent: dict[str, str] = field(default_factory=dict)
    released: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, settings: AccountSettings, project: str) -> Journal:
        """Read what was noted for this project on this account; two projects may share a folder."""
        account = f"{project} {settings.name} {without_password(settings.base_url or '')}"
        journal = cls(root / cache.FOLDER, account)
        for entry in _entries(journal.folder / _NAME):
            if entry.get("account") == journal.account and not _is_at_work(entry):
                journal._remember(entry)
        return journal

    def _remember(self, entry: dict[str, Any]) -> None:
        match entry:
            case {"sent": str(file_id), "sha256": str(sha256)}:
                self.sent[file_id] = sha256
            case {"released": str(file_id)}:
                self.released[file_id] = None
            case {"deleted": str(file_id)}:
                self.sent.pop(file_id, None)
                self.released.pop(file_id, None)

    @property
    def left_over(self) -> dict[str, str]:
        """Return the ids that may be left over, each with the sha256 of what it holds ("" where it is unwanted)."""
        return {**self.sent, **dict.fromkeys(self.released, "")}

    def send(self, file_id: str, sha256: str) -> None:
        self._write([{"sent": file_id, "sha256": sha256}])

    def release(self, file_ids: Iterable[str]) -> None:
        self._write([{"released": one} for one in file_ids if one not in self.released])

    def delete(self, file_id: str) -> None:
        self._write([{"deleted": file_id}])

    def clear(self) -> None:
        """Forget what is noted of this account: the apply came to its end. What others noted stays."""
        path = self.folder / _NAME
        entries = _entries(path)
        left = [one for one in entries if one.get("account") != self.account or _is_at_work(one)]
        try:
            if left:
                path.write_text("".join(json.dumps(one) + "\n" for one in left), encoding="ascii")
            else:
                path.unlink(missing_ok=True)
        except OSError:  # as with what is written: a hint
            return

    def _write(self, entries: list[dict[str, str]]) -> None:
        """Append whole lines: a killed process leaves at most one that is torn, and that one is not read."""
        for entry in entries:
            self._remember(entry)
        if not entries:
            return
        mine = {"account": self.account, "pid": os.getpid(), "born": _born(os.getpid())}
        lines = [json.dumps({**mine, **entry}) + "\n" for entry in entries]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ".gitignore").write_bytes(b"*\n")
            with (self.folder / _NAME).open("a", encoding="ascii") as file:
                file.write("".join(lines))
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
