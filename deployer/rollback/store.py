"""Where snapshots are kept: JSON files in a folder beside the manifest, or behind a URL (fsspec, loaded only for one).

Their names begin with the time (UTC), so that they sort as they were made, and end with the project.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer import remote
from deployer.errors import DeployerError

if TYPE_CHECKING:
    from deployer.manifest import Manifest

FOLDER = Path(".deployer") / "snapshots"
KEPT = 50
_TIME = "%Y%m%dT%H%M%S.%fZ"


def name_of(time: datetime, project: str) -> str:
    return f"{time.strftime(_TIME)}-{project}"


@dataclass(frozen=True, slots=True)
class SnapshotStore:
    """The snapshots of one project, in the folder or behind the URL that is `place`. `hidden`: git is not to see it."""

    place: str
    project: str
    hidden: bool = False

    @classmethod
    def of(cls, root: Path, place: str | None, project: str) -> SnapshotStore:
        """Return the store that an account names; without one it is below the manifest's folder."""
        if place and remote.is_url(place):
            return cls(place.rstrip("/"), project)
        return cls(str(root / (place or FOLDER)), project, hidden=place is None)

    def names(self) -> list[str]:
        """Give the names of the snapshots, the oldest first."""
        with self._sentence("read"):
            found = _listed(self.place) if remote.is_url(self.place) else _files(Path(self.place))
        end = f"-{self.project}.json"
        return sorted(name.removesuffix(".json") for name in found if name.endswith(end) and _is_timed(name, end))

    def read(self, name: str) -> Any:
        """Give what was written under a name: JSON data, whatever it is."""
        try:
            with self._sentence("read"):
                return json.loads(self._read(f"{name}.json"))
        except (ValueError, RecursionError):
            raise DeployerError(f"the snapshot {name} cannot be read (it is not JSON); choose another one") from None

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a snapshot, whole or not at all; DeployerError when that cannot be done. The oldest make room."""
        content = (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
        with self._sentence("written"):
            if remote.is_url(self.place):
                _send(f"{self.place}/{name}.json", content)
            else:
                self._keep(Path(self.place), name, content)

    def _keep(self, folder: Path, name: str, content: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if self.hidden:
            (folder / ".gitignore").write_bytes(b"*\n")
        _replace(folder / f"{name}.json", content)
        for old in self.names()[:-KEPT]:
            (folder / f"{old}.json").unlink(missing_ok=True)

    def _read(self, name: str) -> bytes:
        if not remote.is_url(self.place):
            return (Path(self.place) / name).read_bytes()
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(f"{self.place}/{name}")
        found: bytes = filesystem.cat_file(path)
        return found

    @contextmanager
    def _sentence(self, done: str) -> Iterator[None]:
        """Turn whatever a system or a driver says into one sentence."""
        try:
            yield
        except ValueError:
            raise
        except Exception as error:  # noqa: BLE001 (drivers raise what their services' libraries do: botocore's, aiohttp's …)
            shown = remote.shown(self.place) if remote.is_url(self.place) else self.place
            why = getattr(error, "strerror", None) or " ".join(str(error).split())[:200] or type(error).__name__
            remedy = "check the account's snapshots (a folder or a URL) and its permissions"
            raise DeployerError(f"snapshots in {shown} cannot be {done} ({why}); {remedy}") from None


def _is_timed(name: str, end: str) -> bool:
    """Another project's name may end like this one's."""
    try:
        datetime.strptime(name.removesuffix(end), _TIME)  # noqa: DTZ007 (only its form counts here)
    except ValueError:
        return False
    return True


def _files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _listed(url: str) -> list[str]:
    from fsspec.core import url_to_fs

    filesystem, path = url_to_fs(url)
    filesystem.invalidate_cache()
    if not filesystem.exists(path):
        return []
    return [str(one).rpartition("/")[2] for one in filesystem.ls(path, detail=False)]


def _send(url: str, content: bytes) -> None:
    from fsspec.core import url_to_fs

    filesystem, path = url_to_fs(url)
    filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    filesystem.pipe_file(path, content)


def _replace(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def store_of(manifest: Manifest) -> SnapshotStore:
    """Return the store of the project's snapshots."""
    return SnapshotStore.of(manifest.root, manifest.settings.snapshots, manifest.project)


def read_snapshot(store: SnapshotStore, name: str) -> Mapping[str, Any]:
    """Read a snapshot; DeployerError when it is none."""
    from deployer.manifest import schema

    data = store.read(name)
    if why := schema.misfit("snapshot.schema.json", data):
        raise DeployerError(f"the snapshot {name} is none of this deployer ({why[:200]}); remove or mend it")
    found: Mapping[str, Any] = data
    return found
