"""What an earlier run on this machine was making, and no list has shown: the next run waits for it, and finds it.

A run that was killed, interrupted or ended as unknown may have made objects that a list does not show yet. Nothing is
planned before they show, or a list has had the time that it may lag. What was made for certain and never shows, since
the account does not list it or does not keep its stamp, is an error: to create it again would make a second one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from deployer.apply.journal import NOTED, BegunCreate, Journal
from deployer.apply.lag import Lag
from deployer.backends.account import Account
from deployer.engine import stamp
from deployer.errors import AccountError
from deployer.model import Address, LiveObject, Problem
from deployer.wording import duration, listed

Live = tuple[LiveObject, ...]
_SHOWN = 3
_MALFORMED = (400, 422)


@dataclass(frozen=True, slots=True)
class BegunCreates:
    """The creates of earlier runs that no list has shown the result of."""

    account: Account
    project: str
    journal: Journal
    lag: Lag

    async def shown(self, live: Live, again: Callable[[], Awaitable[Live]]) -> Live:
        """Return what is live once it holds what was begun, or could by now; `again` reads it anew."""
        young = await self._young(live)
        if young:
            latest = live

            async def look() -> Live | None:
                nonlocal latest
                latest = await again()
                return None if self._missing(latest).keys() & young.keys() else latest

            since = asyncio.get_running_loop().time() - min(map(_age, young.values()))
            names = listed(sorted(young), _SHOWN)
            what = f"an earlier run may have made {names}; waiting until the account lists it"
            live = await self.lag.until_shown(what, look, since) or latest
        self.journal.settle(self.journal.creates.keys() - self._missing(live).keys())
        return live

    async def _young(self, live: Live) -> Mapping[str, BegunCreate]:
        """Return what may not show yet; what has gone meanwhile is none of it."""
        missing = self._missing(live)
        gone = [name for name, one in missing.items() if one.live_id and not await self._is_there(name, one, live)]
        self.journal.settle(gone)
        return {
            name: one
            for name, one in missing.items()
            if name not in gone and not one.flawed and _age(one) < self.lag.most
        }

    async def problems(self, live: Live) -> list[Problem]:
        """Return an error for each object that was made, is there, and does not show with its stamp."""
        found = [(name, one) for name, one in sorted(self._missing(live).items()) if one.live_id]
        ids = {one.id for one in live}
        return [
            _never_shown(self.account.settings.name, name, one, unstamped=one.live_id in ids)
            for name, one in found
            if await self._is_there(name, one, live)
        ]

    def _missing(self, live: Live) -> dict[str, BegunCreate]:
        begun = self.journal.begun
        if not begun:
            return {}
        owners = [(one.kind, owner) for one in live if (owner := stamp.owner(one.raw))]
        there = {
            str(address) for kind, (project, address) in owners if project == self.project and address.kind == kind
        }
        whole = (
            {one.id: stamp.fingerprint(one.raw) for one in live} if any(one.flawed for one in begun.values()) else {}
        )
        return {
            name: one
            for name, one in begun.items()
            if (whole.get(one.live_id) != one.flawed if one.flawed else name not in there)
            and Address.parse(name).kind in self.account.kinds
        }

    async def _is_there(self, name: str, one: BegunCreate, live: Live) -> bool:
        """Whether it may be there. A service may call an id that it does not know malformed, while it serves others."""
        kind = Address.parse(name).kind
        try:
            await self.account.of(kind).get(kind, one.live_id)
        except AccountError as error:
            unknown = error.status in _MALFORMED and one.live_id not in {other.id for other in live}
            return not (error.absent or (unknown and await self._serves(kind, live)))
        return True

    async def _serves(self, kind: str, live: Live) -> bool:
        """Whether the account answers at least one object of a kind by its id."""
        one = next((other for other in live if other.kind == kind), None)
        if one is None:
            return False
        try:
            await self.account.of(kind).get(kind, one.id)
        except AccountError:
            return False
        return True


def _age(one: BegunCreate) -> float:
    return max(0.0, time.time() - one.began)


def _never_shown(account: str, name: str, one: BegunCreate, *, unstamped: bool) -> Problem:
    what = "shows it without the whole stamp by which it is known" if unstamped else "does not list it"
    text = f"{one.live_id} was made for it {duration(_age(one))} ago, and account {account} {what}"
    remedy = (
        "delete it on the account, then run again; until then nothing is made a second time (if it has gone, and the "
        f"account does not say so: delete {NOTED.as_posix()})"
    )
    return Problem(text, remedy, name)
