"""What an account can do, by what that was found out, and what is therefore not done on it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from deployer.backends.account import Account
from deployer.backends.base import AttachForm, FileStore
from deployer.engine import document_map, stamp
from deployer.errors import AccountError, DeployerError
from deployer.kinds import Kind
from deployer.kinds.vector_store import PATH_KEY, SHA_KEY
from deployer.model import LiveObject, Member, Target
from deployer.project.session import Session

_STORE = "vector_store"
_PROBE = "deployer doctor"
_TEXT = b"A document of `deployer doctor`, which deletes it at once.\n"
_SHA = "0" * 64
_FORMS: Mapping[AttachForm, tuple[str, str]] = {
    AttachForm.BATCH: ("documents are attached in batches, each with attributes", ""),
    AttachForm.SINGLE: ("documents are attached one by one", "an apply sends a request for each document"),
    AttachForm.IDS: ("documents are attached in batches of ids", "no attributes are sent along"),
    AttachForm.BARE: (
        "documents are attached one by one, without attributes",
        "an apply sends a request for each document, and no attributes",
    ),
}
_NAMED = (
    f"the metadata of each store names its documents, {document_map.PER_PAIR} in each free pair; what is more is an "
    "error of the plan, and attributes of your own are not sent"
)


@dataclass(frozen=True, slots=True)
class Ability:
    """What an account can do, or cannot (`able`; None: not known), `how` that was found out, and what follows.

    `needed`: the manifest declares what cannot be had without it.
    """

    what: str
    able: bool | None
    how: str
    therefore: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was looked at on an account; `ok` unless it lacks what the manifest needs."""

    target: Target
    abilities: tuple[Ability, ...]

    @property
    def ok(self) -> bool:
        return not any(one.needed and one.able is False for one in self.abilities)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON data: version, account, and the abilities, `able` null where it is not known."""
        return {
            "version": 1,
            "account": {"name": self.target.name, "api": self.target.api, "base_url": self.target.base_url},
            "ok": self.ok,
            "abilities": [asdict(one) for one in self.abilities],
        }


async def of(session: Session, *, probe: bool = False) -> Diagnosis:
    """Look at an account; only a `probe` writes: a store and a file, which it deletes."""
    account, live, found = session.account, dict[str, tuple[LiveObject, ...]](), list[Ability]()
    errors: list[AccountError] = []
    for name in account.kinds:
        needed = any(one.address.kind == name for one in session.manifest.resources)
        try:
            live[name] = await account.listed(name)
        except AccountError as error:
            if not (error.unsupported or error.forbidden):
                raise
            errors.append(error)
            found.append(_unlisted(name, error, needed=needed))
        else:
            found.append(Ability(f"{_plural(name)} are listed", able=True, how=f"{len(live[name]):,} are there"))
            found += await _by_id(account, name, live[name])
    if not live:  # an account without any list is none: its URL or its key is wrong
        raise errors[0]
    if any(kind.is_store for kind in account.kinds.values()):
        found += await _files(account.files)
        if probe and _STORE in live:
            found += await _probed(account)
        found += _documents(account)
    found += await _models(account)
    found += [one for name in live for one in _forms(account.kinds[name], live[name], session.manifest.project)]
    return Diagnosis(session.target, tuple(found))


def _plural(kind: str) -> str:
    return f"{kind.replace('_', ' ')}s"


def _unlisted(kind: str, error: AccountError, *, needed: bool) -> Ability:
    if error.forbidden:
        therefore = f"{_plural(kind)} that are owned there are not seen: --prune, destroy and rollback refuse"
    else:
        therefore = f"{_plural(kind)} cannot be declared for this account"
    return Ability(f"{_plural(kind)} are listed", able=False, how=_answered(error), therefore=therefore, needed=needed)


def _answered(error: AccountError) -> str:
    return f"the list answered {error.status}"


async def _by_id(account: Account, kind: str, live: Sequence[LiveObject]) -> list[Ability]:
    what, backend = f"{_plural(kind)} are served by id", account.of(kind)
    if not live:
        return [Ability(what, able=None, how="there are none")]
    with suppress(AccountError):
        await backend.get(kind, live[-1].id)
    if kind not in backend.unserved:
        return [Ability(what, able=True, how=f"{live[-1].id} was read")]
    how = f"GET of {live[-1].id} was refused"
    return [Ability(what, able=False, how=how, therefore="before a write they are read out of the list")]


async def _files(files: FileStore) -> list[Ability]:
    stored = await files.stored(every=True)
    if stored is None:
        therefore = "gc finds nothing, and no bytes that are there are used again"
        return [Ability("File objects are listed", able=False, how="the list was refused", therefore=therefore)]
    listed = Ability("File objects are listed", able=True, how=f"{len(stored):,} are there")
    what = "File objects can be read back"
    if not stored:
        return [listed, Ability(what, able=None, how="there are none")]
    one = min(stored, key=lambda file: file.size)
    try:
        async for _ in files.download(one.id):
            break
    except AccountError as error:
        therefore = "bytes that nothing holds are sent again; adopt needs --by-size to take documents over"
        return [listed, Ability(what, able=False, how=f"{one.id} answered {error.status}", therefore=therefore)]
    return [listed, Ability(what, able=True, how=f"{one.id} was read")]


def _documents(account: Account) -> list[Ability]:
    """Say what is remembered of documents, or was just found out."""
    able = account.capabilities
    day = f", {able.day}" if able.day else ""
    kept = "documents keep attributes"
    if able.attributes is None:
        attributes = Ability(kept, able=None, how="the first document that an apply attaches will tell")
    elif able.attributes:
        attributes = Ability(kept, able=True, how=f"{able.how.get('attributes', 'remembered')}{day}")
    else:
        how = f"{able.how.get('attributes', 'remembered')}{day}"
        attributes = Ability(kept, able=False, how=how, therefore=_NAMED)
    if able.attach is None:
        return [Ability(_FORMS[AttachForm.BATCH][0], able=None, how="not tried yet"), attributes]
    what, therefore = _FORMS[able.attach]
    return [
        Ability(what, able=True, how=f"{able.how.get('attach', 'remembered')}{day}", therefore=therefore),
        attributes,
    ]


async def _models(account: Account) -> list[Ability]:
    try:
        names = await account.offered_models()
    except AccountError as error:
        return [Ability("models are listed", able=None, how=_answered(error))]
    if names is None:
        therefore = "validate --online says nothing of models"
        return [Ability("models are listed", able=False, how="there is no such list", therefore=therefore)]
    return [Ability("models are listed", able=True, how=f"{len(names):,} are there")]


def _forms(kind: Kind, live: Sequence[LiveObject], project: str) -> list[Ability]:
    """Say in which fields the service has a form of its own, or did not take what was sent, as stamps remember it."""
    found: dict[bool, list[str]] = {True: [], False: []}
    for one in live:
        mark = stamp.of(one.raw)
        if mark is None or mark.project != project or not mark.forms:
            continue
        paths = [*((name,) for name in kind.defaults), *stamp.fields(kind.canonical(one.raw, {}))]
        for path in dict.fromkeys(paths):
            if form := mark.forms.get(stamp.name_of(path)):
                found[form.taken].append(f"{mark.address}.{'/'.join(path)}")
    own, lost = "the service has a form of its own", "the service did not take it when it was sent"
    return [
        *(Ability(_as_sent(one), able=True, how=own, therefore="that is no edit") for one in found[True]),
        *(Ability(_as_sent(one), able=False, how=lost, therefore="each plan sends it again") for one in found[False]),
    ]


def _as_sent(field: str) -> str:
    return f"{field} is as it was sent"


async def _probed(account: Account) -> list[Ability]:
    """Attach a document in each form until one is taken, look at it, and delete all of it."""
    files, backend, able = account.files, account.of(_STORE), account.capabilities
    able.forget()
    marks = {"deployer_doctor": "probe"}
    store = (await backend.create(_STORE, {"name": _PROBE, "metadata": marks}))["id"]
    file_id = ""
    try:
        row = await backend.get(_STORE, store)
        file_id, _ = await files.upload("deployer-doctor.md", io.BytesIO(_TEXT), len(_TEXT))
        await _tried(account, store, file_id)
        return [_metadata((row.get("metadata") or {}) == marks)]
    finally:
        with suppress(DeployerError):
            await backend.delete(_STORE, store)
        if file_id:
            with suppress(DeployerError):
                await files.delete(file_id)


def _metadata(kept: bool) -> Ability:  # noqa: FBT001 (what was found)
    therefore = "" if kept else "nothing can be known again there: apply stops with its first object"
    return Ability("metadata is kept", able=kept, how="a store was made and read", therefore=therefore, needed=True)


async def _tried(account: Account, store: str, file_id: str) -> None:
    files, able = account.files, account.capabilities
    member = Member(file_id, "deployer-doctor.md", {PATH_KEY: "deployer-doctor.md", SHA_KEY: _SHA}, None, "", live=True)
    for form in AttachForm:
        try:
            await files.attach(store, {file_id: member}, form=form)
        except AccountError as error:
            if not error.refused and not error.unsupported:
                raise
            continue
        if await files.has_member(store, file_id):
            able.learn_form(form, "a probe was attached so")
            found = await files.member(store, file_id)
            if form.carries_attributes and found:
                able.learn_attributes("a probe was read back", kept=found.path is not None)
            return
