"""Field by field: how a recorded answer and ours differ, volatile values aside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.server.recordings import ID

# Times and sizes of an index say nothing about behaviour; whether they are null does.
VOLATILE = {"created_at", "last_active_at", "expires_at", "usage_bytes", "started_at", "completed_at", "cached_tokens"}
# What a run has used is known of its steps only, and of those only where a session lists them.
VOLATILE |= {"prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "container_id"}


class Ids:
    """Which of our ids stands for which recorded one."""

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}

    def __contains__(self, recorded: str) -> bool:
        return recorded in self._ours

    def bind(self, recorded: Any, ours: Any) -> None:
        """Learn the ids of an answer from where they stand in it."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for name in recorded.keys() & ours.keys():
                self.bind(recorded[name], ours[name])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for one, other in zip(recorded, ours, strict=False):
                self.bind(one, other)
        elif isinstance(recorded, str) and isinstance(ours, str) and _are_of_one_kind(recorded, ours):
            self._ours.setdefault(recorded, ours)

    def translate(self, value: Any) -> Any:
        """The value with our ids in place of recorded ones."""
        if isinstance(value, dict):
            return {name: self.translate(entry) for name, entry in value.items()}
        if isinstance(value, list):
            return [self.translate(entry) for entry in value]
        if isinstance(value, str):
            return ID.sub(lambda match: self._ours.get(match.group(), match.group()), value)
        return value


def _are_of_one_kind(recorded: str, ours: str) -> bool:
    """Whether both are ids with the same prefix: a stream that was cut has other events in the place of ours."""
    prefix = re.match("[a-z]+", recorded)
    return bool(ID.fullmatch(recorded) and prefix and ours.startswith(prefix[0]))


def differences(recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
    """What differs, as sentences; those about keys and types begin with `shape`."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        if recorded.keys() != ours.keys():
            yield f"shape {path}: keys {sorted(recorded)} recorded, {sorted(ours)} ours"
        for name in sorted(recorded.keys() & ours.keys()):
            if name == "file_counts":
                recorded, ours = recorded | {name: _settled(recorded[name])}, ours | {name: _settled(ours[name])}
            yield from _field(name, recorded[name], ours[name], f"{path}.{name}")
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours):
            yield f"value {path}: {len(recorded)} items recorded, {len(ours)} ours"
        for index, (one, other) in enumerate(zip(recorded, ours, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif type(recorded) is not type(ours):
        yield f"shape {path}: {recorded!r} recorded, {ours!r} ours"
    elif recorded != ours:
        yield f"value {path}: {recorded!r} recorded, {ours!r} ours"


def _field(name: str, recorded: Any, ours: Any, path: str) -> Iterator[str]:
    if name in VOLATILE:
        if type(recorded) is not type(ours):
            yield f"shape {path}: {recorded!r} recorded, {ours!r} ours"
    elif name == "status" and {recorded, ours} == {"in_progress", "completed"}:
        return  # how far ingestion is, is a matter of timing
    else:
        yield from differences(recorded, ours, path)


def _settled(counts: dict[str, int]) -> dict[str, int]:
    """Counts as they are once nothing is in progress."""
    return counts | {"completed": counts["completed"] + counts["in_progress"], "in_progress": 0}
