"""What is to be said of the models that a project's assistants use: by the table, or by what an account offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from deployer import catalogue
from deployer.catalogue import Catalogue
from deployer.engine.names import collision
from deployer.kinds import kinds_of
from deployer.kinds.losses import losses
from deployer.model import AccountSettings, Address, Problem, Resource, Severity, Target

if TYPE_CHECKING:
    from deployer.backends.account import Account

EVER = 100_000
"""Days: every shutdown that is known."""


def today() -> date:
    """Return the day on which it is: shutdowns are days of UTC."""
    return datetime.now(UTC).date()


def known(settings: AccountSettings) -> Catalogue | None:
    """Return what is known of the models of an account offline; None of an embedded one and of other hosts."""
    return catalogue.catalogue().overridden(settings.models) if catalogue.speaks_for(settings.base_url) else None


def problems(resource: Resource, models: Catalogue | None, surface: str, day: date | None = None) -> list[Problem]:
    """Return warnings about the model of a resource, at the fields that they are about."""
    found = catalogue.notes(resource.attrs, models, day or today(), surface) if models else ()
    return [
        Problem(
            note.message,
            note.remedy,
            f"{resource.address}.{note.field}",
            resource.position(note.field),
            Severity.WARNING,
            note.rule,
        )
        for note in found
    ]


async def asked(account: Account) -> Catalogue | None:
    """Return what an account says of its models; None where it says nothing."""
    offered = await account.offered_models()
    return catalogue.offered(offered, today()).overridden(account.settings.models) if offered else None


def shutdowns(
    resources: Iterable[Resource], models: Catalogue | None, days: int, day: date | None = None
) -> dict[Address, tuple[str, date]]:
    """Return the models that shut down within so many days, or did, by the resource that uses each."""
    now, found = day or today(), dict[Address, tuple[str, date]]()
    for one in resources if models else ():
        ends = catalogue.ending_within(one.attrs, models, now, days) if models else None
        if ends is not None:
            found[one.address] = (str(one.attrs["model"]), ends)
    return found


def failed(ends: Mapping[Address, tuple[str, date]], days: int) -> tuple[str, ...]:
    """Return the sentence of `--fail-on model-shutdown=DAYS`, where a model shuts down within so many days, or did."""
    last = today() + timedelta(days=days)
    names = "; ".join(f"{address} uses {model}, {day}" for address, (model, day) in ends.items() if day <= last)
    remedy = "choose another model, or allow more with --fail-on"
    return (f"models shut down within {days} days: {names}; {remedy}",) if names else ()


def judged(
    ending: dict[Address, tuple[str, date]],
    names: dict[tuple[str, str], Address],
    settings: AccountSettings,
    resource: Resource,
) -> list[Problem]:
    """Return what the chosen account's API cannot carry of a resource, and what is to be said of its model.

    `ending` takes the model's shutdown, whenever that is, and `names` the name, where that is the id.
    """
    models, kinds = known(settings), kinds_of(settings.api, settings)
    ending |= shutdowns([resource], models, EVER)
    lost = losses(Target(settings.name, settings.api, ""), kinds, resource, settings.accept_loss)
    twice = collision(kinds[resource.address.kind], resource, names)
    return [*lost, *problems(resource, models, settings.api), *twice]
