"""Where snapshots are kept: JSON files in a folder beside the manifest, or behind a URL (fsspec, loaded only for one).

Their names begin with the time (UTC), so that they sort as they were taken, and end with the project. A folder may be
shared and a bucket written to by others: what is read is checked like an answer of an account.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deployer import json_text, remote
from deployer.backends import validate
from deployer.errors import DeployerError
from deployer.kinds import SURFACES
from deployer.model import Address
from deployer.rollback.snapshot import FILE

FOLDER = Path(".deployer") / "snapshots"
KEPT = 50
_TIME = "%Y%m%dT%H%M%S.%fZ"
Snapshot = Mapping[str, Any]
"""JSON data that fits schemas/snapshot.schema.json."""
Misfit = Callable[[str, Any], str | None]
"""Says what first keeps JSON data from fitting the published schema of a name; None when it fits."""


def name_of(time: datetime, project: str) -> str:
    return f"{time.strftime(_TIME)}-{project}"


@dataclass(frozen=True, slots=True)
class SnapshotStore:
    """The snapshots of one project, in the folder or behind the URL that is `place`. `hidden`: git is not to see it."""

    place: str
    project: str
    misfit: Misfit
    hidden: bool = False

    @classmethod
    def of(cls, root: Path, place: str | None, project: str, misfit: Misfit) -> SnapshotStore:
        """Return the store that an account names; without one it is below the manifest's folder, `root`."""
        if place and remote.is_url(place):
            return cls(place.rstrip("/"), project, misfit)
        return cls(str(root / (place or FOLDER)), project, misfit, hidden=place is None)

    def names(self) -> list[str]:
        """Return the names of the snapshots, the oldest first."""
        with self._sentence("read"):
            found = remote.Files(self.place).names()
        end = f"-{self.project}.json"
        return sorted(name.removesuffix(".json") for name in found if name.endswith(end) and _is_timed(name, end))

    def read(self, name: str) -> Snapshot:
        """Return a snapshot; DeployerError when there is none, or something else."""
        with self._sentence("read"):
            content = remote.Files(self.place).read(f"{name}.json")
        try:
            data: Snapshot = json_text.loads(content)
        except ValueError as error:
            why = str(error) if isinstance(error, json_text.TooDeep) else "not JSON"
            raise DeployerError(f"the snapshot {name} cannot be read (it is {why}); choose another one") from None
        if misfit := self.misfit("snapshot.schema.json", data) or _unfit(data):
            raise DeployerError(f"the snapshot {name} is none of this deployer ({misfit[:200]}); remove or mend it")
        return data

    def chain(self, account: Mapping[str, str], name: str | None = None) -> list[tuple[str, Snapshot]]:
        """Return the newest snapshot of an account; given a `name`, that one and all newer ones, the oldest first.

        `account` is `asdict` of its Target. DeployerError when there is none, or the named one is of another account.
        """
        names = self.names()
        if name is None:
            for one in reversed(names):
                if (data := self.read(one))["account"] == account:
                    return [(one, data)]
            nothing = "there is no snapshot of this account yet; "
            raise DeployerError(nothing, run=("apply",), after=" writes one before it begins")
        name = name.removesuffix(".json")
        if name not in names:
            unknown = f"project {self.project} has no snapshot {name}; "
            raise DeployerError(unknown, run=("rollback", "--list"), after=" shows them all")
        read = [(one, self.read(one)) for one in names if one >= name]
        if (there := read[0][1]["account"]) != account:
            raise DeployerError(
                f"the snapshot {name} is of another account ({' · '.join(there.values())}); choose that"
            )
        return [(one, data) for one, data in read if data["account"] == account]

    def write(self, name: str, data: Snapshot) -> None:
        """Write a snapshot, whole or not at all; DeployerError when that cannot be done. The oldest make room."""
        text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
        content = text.encode("utf-8", "backslashreplace")  # half a surrogate pair is an escape in JSON
        with self._sentence("written"):
            files = remote.Files(self.place)
            files.write(f"{name}.json", content)
            if self.hidden:
                files.write(".gitignore", b"*\n")
            for old in [] if remote.is_url(self.place) else self.names()[:-KEPT]:
                files.delete(f"{old}.json")

    @contextmanager
    def _sentence(self, done: str) -> Iterator[None]:
        """Turn whatever a system or a driver says into one sentence."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (drivers raise what their services' libraries do: botocore's, aiohttp's …)
            shown = remote.shown(self.place) if remote.is_url(self.place) else self.place
            why = getattr(error, "strerror", None) or " ".join(str(error).split())[:200] or type(error).__name__
            remedy = "check the account's snapshots (a folder or a URL) and its permissions"
            raise DeployerError(f"snapshots in {shown} cannot be {done} ({why}); {remedy}") from None


def _unfit(data: Snapshot) -> str | None:
    """Say what keeps JSON data that fits the schema from being restored; None when nothing does."""
    kinds = {FILE, *SURFACES.get(data["account"]["api"], ())}
    return next((why for change in data["changes"] if (why := _unfit_change(change, kinds))), None)


def _unfit_change(change: Mapping[str, Any], kinds: Collection[str]) -> str | None:
    """The objects are compared like those that an account answers, and checked like them."""
    if Address.parse(change["address"]).kind not in kinds:
        return f"{change['address']} is of an unknown kind"
    odd = validate.odd_object(change["object"] or {})
    odd = odd or next((why for file in change["files"] if (why := _odd_file(file))), None)
    return odd and f"{change['address']} has {odd}"


def _odd_file(file: Mapping[str, Any]) -> str | None:
    return validate.odd_membership(file) if validate.is_id(file["id"]) else "a file with an id of an unknown form"


def _is_timed(name: str, end: str) -> bool:
    """Another project's name may end like this one's."""
    try:
        datetime.strptime(name.removesuffix(end), _TIME)  # noqa: DTZ007 (only its form counts here)
    except ValueError:
        return False
    return True
