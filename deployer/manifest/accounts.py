"""Choose the account and resolve what it needs from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from deployer import remote
from deployer.manifest.document import SourceDocument, address
from deployer.manifest.load import ManifestEntry, Sources
from deployer.manifest.references import SecretReferences, SecretSource
from deployer.manifest.suggest import nearest
from deployer.manifest.variables import Unresolved, Unset
from deployer.model import LIST_LAG, UNLIMITED, AccountSettings, Address, Limits, Problem, Severity
from deployer.wording import listed

EMBEDDED = AccountSettings(name="embedded", api="assistants", limits=UNLIMITED, list_lag=0.0)
"""In this process, a list never lags."""
VARIABLE = "DEPLOYER_ACCOUNT"
"""The environment variable that names an account where `--account` does not."""
_SHOWN = 3
_MOST_LAG = 600
_OPENAI = "api.openai.com"
_OF_FOUNDRY = ".services.ai.azure.com"
_PROJECT = re.compile(r"/api/projects/[^/?#]+/?$")
_ENDED = "2026-08-26"
_REFERENCES = ("base_url", "api_key", "organization", "snapshots", "bundles")
_PLACES = ("snapshots", "bundles")


def choose(
    sources: Sources, name: str | None, environ: Mapping[str, str], *, offline: bool
) -> tuple[AccountSettings, list[Problem]]:
    """Return the settings of the account called `name`; without a name it is the one called `embedded`.

    That one needs no declaration; any other without a `base_url` is embedded, too, and speaks its own `api`.

    Offline, a variable that the environment lacks is no problem: no service is going to be called.
    """
    name = EMBEDDED.name if name is None else name
    if name == EMBEDDED.name and name not in sources.accounts:
        return EMBEDDED, []
    entry = sources.accounts.get(name)
    if entry is None and not sources.whole:
        return EMBEDDED, []
    if entry is None:
        choices = [*sources.accounts, EMBEDDED.name]
        remedy = nearest(name, choices, f"known accounts: {', '.join(choices)}")
        where = VARIABLE if environ.get(VARIABLE) == name else "--account"
        return EMBEDDED, [Problem(f"the manifest has no account {name!r}", remedy, where)]
    if not isinstance(entry.value, dict) or not isinstance(entry.value.get("api"), str):
        return EMBEDDED, []  # the schema reports it
    commands = entry.value.get("commands") is True
    values, problems = _resolve(entry, SecretReferences(sources.root, environ, commands, offline))
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
        folder=values.get("bundles"),
        models=_models(values),
        knowledge_as="function" if values.get("knowledge_as") == "function" else None,
        accept_loss=frozenset(one for one in _list(values.get("accept_loss")) if isinstance(one, str)),
        list_lag=_list_lag(values),
        keep_versions=_count(values.get("keep_versions")),
        renew=_renewing(entry, sources, environ, commands=commands, offline=offline),
    )
    return settings, [*problems, *_malformed(entry, values)]


def check(sources: Sources, chosen: AccountSettings) -> list[Problem]:
    """Return what is wrong with any declared account and what no schema can see; of the chosen one all is known."""
    return [
        problem
        for name, entry in sources.accounts.items()
        if isinstance(entry.value, dict)
        for problem in _check(name, entry, chosen.base_url if name == chosen.name else None)
    ]


def _check(name: str, entry: ManifestEntry, resolved: str | None) -> Iterator[Problem]:
    api, url = entry.value.get("api"), resolved or entry.value.get("base_url")
    if name == EMBEDDED.name and url is not None:
        message = f"{name!r} is the name of the account that comes with deployer, which has no base_url"
        where = entry.document.key_position(entry.path)
        yield Problem(message, "rename the account, or remove its base_url and api_key", address(entry.path), where)
    if api == "assistants" and isinstance(url, str) and _is_of_openai(url):
        message = f"OpenAI's Assistants API ended on {_ENDED}: nothing can be read or deployed there"
        remedy = "write api: agents for persisted assistants"
        yield Problem(message, remedy, address((*entry.path, "api")), entry.position("api"), Severity.WARNING)
    if api == "foundry" and isinstance(url, str) and _host(url).endswith(_OF_FOUNDRY) and not _PROJECT.search(url):
        remedy = f"write https://NAME{_OF_FOUNDRY}/api/projects/PROJECT"
        message = "this is not the endpoint of a Foundry project"
        yield Problem(message, remedy, address((*entry.path, "base_url")), entry.position("base_url"), Severity.WARNING)


def _is_of_openai(url: str) -> bool:
    host = _host(url)
    return host == _OPENAI or host.endswith(f".{_OPENAI}")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def hosted(sources: Sources) -> tuple[str, ...]:
    """Return the names of the accounts that are somewhere else: where there is one, an account must be named."""
    return tuple(
        name for name, entry in sources.accounts.items() if isinstance(entry.value, dict) and "base_url" in entry.value
    )


def unnamed(declared: Sequence[str]) -> str:
    """Return why nothing is done while none of these accounts is named: a deploy to nowhere would look like success."""
    names = listed(declared, _SHOWN)
    return (
        f"no account is named, and the manifest declares {names}; add --account NAME or set {VARIABLE} "
        f"(--account {EMBEDDED.name} is the account in this folder, which needs no key)"
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _renewing(
    entry: ManifestEntry, sources: Sources, environ: Mapping[str, str], *, commands: bool, offline: bool
) -> Callable[[], str] | None:
    """Return what resolves the key anew: a token ends. Variables that a caller handed in say no more than they did."""
    text = entry.value.get("api_key")
    if offline or not isinstance(text, str) or environ is not os.environ:
        return None
    return SecretSource(text, sources.root, commands)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _models(values: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what the account says of its models, as far as it has the right form: the schema reports the rest."""
    told = values.get("models")
    return {name: facts for name, facts in told.items() if isinstance(facts, dict)} if isinstance(told, dict) else {}


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


def _malformed(entry: ManifestEntry, values: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the URLs of folders."""
    urls = {name: place for name in _PLACES if (place := values.get(name)) and remote.is_url(place)}
    found = {name: wrong for name, place in urls.items() if (wrong := remote.malformed(place))}
    told = [Problem(*wrong, address((*entry.path, name)), entry.position(name)) for name, wrong in found.items()]
    return [*told, *_two_keys(entry, values)]


def _two_keys(entry: ManifestEntry, values: Mapping[str, Any]) -> Iterator[Problem]:
    """Requests have room for one of them: HTTP sends both in the same header."""
    url = values.get("base_url")
    if isinstance(url, str) and "@" in url.partition("://")[2].partition("/")[0]:
        what = "a user in the URL is sent in place of the api_key"
        remedy = "take it out, unless the account wants a user and no key"
        where = address((*entry.path, "base_url"))
        yield Problem(what, remedy, where, entry.position("base_url"), Severity.WARNING)


def _list_lag(values: Mapping[str, Any]) -> float:
    """Return for how long a list of the account may lag; that of an embedded one never does."""
    told = values.get("list_lag")
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= _MOST_LAG:
        return float(told)
    return LIST_LAG if values.get("base_url") else EMBEDDED.list_lag


def _resolve(entry: ManifestEntry, references: SecretReferences) -> tuple[dict[str, Any], list[Problem]]:
    values, problems = dict(entry.value), []
    for field in _REFERENCES:
        if not isinstance(values.get(field), str):
            values.pop(field, None)
            continue
        where, place = address((*entry.path, field)), entry.position(field)
        try:
            values[field] = references.resolved(values[field])
        except Unresolved as error:
            if not (references.offline and isinstance(error, Unset)):
                problems.append(Problem(error.message, error.remedy, where, place))
        problems += [Problem(*one, where, place, Severity.WARNING) for one in references.warnings]
        references.warnings.clear()
    return values, problems


def overridden(sources: Sources, account: str) -> tuple[Sources, list[Problem]]:
    """Return the sources with the overrides of an account merged into its resources (RFC 7396: null removes a key).

    A problem with what is merged is told at its place in the override, where both stand in one file.
    """
    problems = list(_misnamed(sources))
    entry = sources.accounts.get(account)
    patches = entry.value.get("overrides") if entry and isinstance(entry.value, dict) else None
    if entry is None or not isinstance(patches, dict):
        return sources, problems
    result = replace(sources, documents=list(sources.documents), resources=dict(sources.resources))
    for name, patch in patches.items():
        target = next((one for one in result.resources if str(one) == name), None)
        if target and isinstance(patch, dict) and isinstance(result.resources[target].value, dict):
            _override(result, target, entry.document.part((*entry.path, "overrides", name)))
    return result, problems


def _misnamed(sources: Sources) -> Iterator[Problem]:
    declared = {str(one): one for one in sources.resources}
    for entry in sources.accounts.values():
        patches = entry.value.get("overrides") if isinstance(entry.value, dict) else None
        for name in patches if isinstance(patches, dict) else ():
            if sources.whole and name not in declared:
                path = (*entry.path, "overrides", name)
                remedy = nearest(name, declared, "declare it, or remove its overrides")
                where = entry.document.key_position(path)
                yield Problem(f"there is no {name!r} to override", remedy, address(path), where)


def _override(sources: Sources, target: Address, patch: SourceDocument) -> None:
    """Replace the entry of a resource, and the document in which it stands, by merged ones."""
    before = sources.resources[target]
    document = before.document.patched(before.path, patch)
    section, name = before.path
    sources.documents[:] = [document if one.name == document.name else one for one in sources.documents]
    for address_, entry in sources.resources.items():
        if entry.document.name == document.name:
            sources.resources[address_] = replace(entry, document=document)
    sources.resources[target] = ManifestEntry(document, before.path, document.data[section][name])
