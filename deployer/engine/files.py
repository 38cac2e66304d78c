"""Which documents of a vector store are to be added, replaced or removed: by path and sha256, never by name or date."""

from collections import defaultdict
from collections.abc import Sequence

from deployer.kinds import vector_store
from deployer.model import DesiredFile, FileAction, FileChange, LiveFile

_USABLE = ("completed", "in_progress")


def compare(desired: Sequence[DesiredFile], live: Sequence[LiveFile]) -> tuple[FileChange, ...]:
    """Give the file changes, sorted by path. Files that we did not attach (no path) are foreign and never touched."""
    owned: dict[str, list[LiveFile]] = defaultdict(list)
    for file in live:
        if file.path is not None:
            owned[file.path].append(file)
    wanted = {file.path: file for file in desired}
    changes = [change for path, file in wanted.items() for change in _wanted(file, owned.get(path, []))]
    changes += [_remove(path, files) for path, files in owned.items() if path not in wanted]
    return tuple(sorted(changes, key=lambda change: (change.path, change.action)))


def _remove(path: str, files: Sequence[LiveFile]) -> FileChange:
    return FileChange(FileAction.REMOVE, path, None, tuple(files), "no longer in the manifest")


def _wanted(file: DesiredFile, live: Sequence[LiveFile]) -> list[FileChange]:
    if not live:
        return [FileChange(FileAction.ADD, file.path, file, (), "not on the account")]
    good = sorted((one for one in live if _good(file, one)), key=lambda one: (one.status, one.created_at, one.id))
    if not good:
        return [FileChange(FileAction.REPLACE, file.path, file, tuple(live), _reason(file, live))]
    keep, rest = good[0], tuple(one for one in live if one is not good[0])
    changes = []
    if rest:
        changes.append(FileChange(FileAction.REMOVE, file.path, None, rest, "a second copy"))
    if keep.status == "in_progress":
        changes.append(FileChange(FileAction.WAIT, file.path, file, (keep,), "attached, still being ingested"))
    return changes


def _good(file: DesiredFile, live: LiveFile) -> bool:
    return (
        live.sha256 == file.sha256
        and live.status in _USABLE
        and vector_store.same_chunking(file.chunking, live.chunking)
    )


def _reason(file: DesiredFile, live: Sequence[LiveFile]) -> str:
    newest = max(live, key=lambda one: (one.created_at, one.id))
    if newest.sha256 != file.sha256:
        return "its content changed"
    if newest.status not in _USABLE:
        return f"its ingestion {newest.status}" + (f": {newest.error}" if newest.error else "")
    return "its chunking changed"
