"""Choose the account and resolve what it needs from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer import remote
from deployer.manifest.document import address
from deployer.manifest.load import Entry, Sources
from deployer.manifest.suggest import nearest
from deployer.manifest.variables import Unresolved, Unset, environment
from deployer.model import UNLIMITED, AccountSettings, Limits, Problem

EMBEDDED = AccountSettings(name="embedded", api="assistants", limits=UNLIMITED)
VARIABLE = "DEPLOYER_ACCOUNT"
"""The environment variable that names an account where `--account` does not."""
_REFERENCES = ("base_url", "api_key", "organization", "snapshots")


def choose(
    sources: Sources, name: str | None, environ: Mapping[str, str], *, offline: bool
) -> tuple[AccountSettings, list[Problem]]:
    """Return the settings of the account called `name`; without a name it is the embedded account.

    Offline, a variable that the environment lacks is no problem: no service is going to be called.
    """
    if name is None or (name == EMBEDDED.name and name not in sources.accounts):
        return EMBEDDED, []
    entry = sources.accounts.get(name)
    if entry is None:
        choices = [*sources.accounts, EMBEDDED.name]
        remedy = nearest(name, choices, f"known accounts: {', '.join(choices)}")
        where = VARIABLE if environ.get(VARIABLE) == name else "--account"
        return EMBEDDED, [Problem(f"the manifest has no account {name!r}", remedy, where)]
    if not isinstance(entry.value, dict) or not isinstance(entry.value.get("api"), str):
        return EMBEDDED, []  # the schema reports it
    values, problems = _resolve(entry, environ, offline=offline)
    query = values.get("query")
    settings = AccountSettings(
        name=name,
        api=values["api"],
        base_url=values.get("base_url"),
        api_key=values.get("api_key"),
        organization=values.get("organization"),
        query={key: str(value) for key, value in query.items()} if isinstance(query, dict) else {},
        limits=_limits(values),
        lock=values.get("lock") is True,
        snapshots=values.get("snapshots"),
    )
    return settings, [*problems, *_snapshots(entry, settings.snapshots)]


def _limits(values: Mapping[str, Any]) -> Limits:
    """Return the limits that an account declares, else the published ones; an embedded account has none of its own."""
    told = values.get("limits")
    told = told if isinstance(told, dict) else {}
    rates: dict[str, int | None] = {}
    for name in ("uploads", "attaches", "files"):
        rate = told.get(f"{name}_per_minute")
        if rate == "none" or (isinstance(rate, int) and not isinstance(rate, bool)):
            rates[name] = None if rate == "none" else rate
    return replace(Limits() if values.get("base_url") else UNLIMITED, **rates)


def _snapshots(entry: Entry, place: str | None) -> list[Problem]:
    wrong = remote.malformed(place) if place and remote.is_url(place) else None
    return [Problem(*wrong, address((*entry.path, "snapshots")), entry.position("snapshots"))] if wrong else []


def _resolve(entry: Entry, environ: Mapping[str, str], *, offline: bool) -> tuple[dict[str, Any], list[Problem]]:
    values, problems = dict(entry.value), []
    for field in _REFERENCES:
        if not isinstance(values.get(field), str):
            values.pop(field, None)
            continue
        try:
            values[field] = environment(values[field], environ)
        except Unresolved as error:
            if offline and isinstance(error, Unset):
                continue
            where = address((*entry.path, field))
            problems.append(Problem(error.message, error.remedy, where, entry.position(field)))
    return values, problems
