"""Where the pages of each list began in the last run: a hint that saves time, and is never trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deployer import cache
from deployer.account.reading import shapes
from deployer.model import AccountSettings

_NAME = "cursors"


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one account by the path of the list: `before` of the last run, `now` of this one."""

    folder: Path | None
    account: str
    before: Mapping[str, Any]
    now: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, path: str) -> tuple[str, ...]:
        found = self.before.get(path)
        return tuple(one for one in found if shapes.is_id(one)) if isinstance(found, list) else ()

    def save(self) -> None:
        """Keep those of this run, beside what is kept of other accounts."""
        after = {path: list(cursors) for path, cursors in self.now.items() if cursors}
        if after != self.before:
            cache.save(self.folder, _NAME, {**cache.load(self.folder, _NAME), self.account: after})


def of_account(folder: Path | None, settings: AccountSettings) -> Cursors:
    """Read what is remembered of an account; without a folder that is nothing."""
    name = without_password(settings.base_url or "")
    found = cache.load(folder, _NAME).get(name)
    return Cursors(folder, name, found if isinstance(found, dict) else {})


def without_password(url: str) -> str:
    """A URL may carry who is asking (`https://user:secret@host`): no file of ours is to hold it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
