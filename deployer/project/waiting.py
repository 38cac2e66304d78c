"""Say on stderr that an account in trouble is waited for: a pipeline that is silent for minutes looks dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from deployer.backends.http.client import Client
    from deployer.backends.http.failures import Failure

_SOON = 3.0
_PAUSE = 15.0


@dataclass(slots=True)
class Waiting:
    """To be told by the client's brake of each pause: says so before the first long one, and then now and again."""

    client: Client
    _trouble: float = -1.0
    _next: float = 0.0

    def __call__(self, failure: Failure, since: float, pause: float) -> None:
        """Take why everybody waits, since when, and how many seconds this pause takes."""
        now = self.client.patience.clock()
        if since != self._trouble:
            self._trouble, self._next = since, since + _SOON
        if now + pause >= self._next:
            self._next = now + pause + _PAUSE
            self._say(failure, now - since, pause)

    def _say(self, failure: Failure, seconds: float, pause: float) -> None:
        from deployer.backends.http.redact import masked
        from deployer.render.lines import plain

        name, key, outage = self.client.settings.name, self.client.settings.api_key, self.client.patience.outage
        text = f"account {name} {failure.what}; waiting for it: {seconds:.0f} s so far, at most {outage:.0f} s"
        click.echo(plain(masked(f"{text}, next try in {max(1, pause):.0f} s", key)), err=True)
