"""The laws of kinds, held against the embedded account: what was sent is what is read back."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.backends import embedded
from deployer.backends.base import Backend
from deployer.backends.folder import FolderBackend
from deployer.backends.http.backend import open_backend
from deployer.engine import canonical, diff, plan
from deployer.engine.draft import Scope
from deployer.kinds import SURFACES, kinds_of
from deployer.model import AccountSettings, Address, Attrs, Create, LiveObject, Plan, Resource, Target, Update
from deployer.server import EmbeddedAccount
from tests.support import strategies

KINDS = [(api, name) for api, kinds in SURFACES.items() for name in kinds]
SERVED = [(api, name) for api, name in KINDS if SURFACES[api][name].backend == "http"]
Pair = tuple[str, str]


def desired(kinds: list[Pair]) -> st.SearchStrategy[tuple[Pair, Attrs, Attrs]]:
    """One of the kinds, and two states of one resource."""
    return st.sampled_from(kinds).flatmap(
        lambda pair: st.tuples(
            st.just(pair),
            *[strategies.stores if pair[1] == "vector_store" else strategies.assistants for _ in range(2)],
        )
    )


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(Path(tmp_path_factory.mktemp("account"))) as one:
        yield one


@given(desired(KINDS))
def test_canonical_form_is_stable(pair: tuple[Pair, Attrs, Attrs]) -> None:
    (api, name), attrs, _ = pair
    kind = kinds_of(api)[name]
    once = kind.express(attrs).attrs
    raw = {"id": "x", **kind.wire(once, None).fields}
    again = kind.canonical(raw, {})
    assert all(canonical.same(again[field], value) for field, value in once.items())


@given(desired(SERVED))
def test_what_was_created_reads_back_as_desired_and_so_does_every_update(
    account: EmbeddedAccount, pair: tuple[Pair, Attrs, Attrs]
) -> None:
    (api, name), before, after = pair
    asyncio.run(_walk(account, api, name, [before, after, before]))


async def _walk(account: EmbeddedAccount, api: str, name: str, states: list[Attrs]) -> None:
    kinds = kinds_of(api)
    async with _place(account, api, name) as backend:
        live: LiveObject | None = None
        scope = Scope("test", Target("test", api, ""), kinds)
        for attrs in states:
            resource = Resource(Address(name, "one"), attrs)
            built = plan.build(scope, [resource], [live] if live else [])
            live = await _send(backend, name, built, live)
            assert plan.build(scope, [resource], [live]).pending == ()
            wanted = kinds[name].express(attrs).attrs
            assert (
                diff.compare(
                    kinds[name].canonical(live.raw, {}), wanted, kinds[name].defaults, kinds[name].resets, diff.Base()
                )
                == ()
            )
        if live and kinds[name].naming:  # its name is the next one's, too
            await backend.delete(name, live.id)


@asynccontextmanager
async def _place(account: EmbeddedAccount, api: str, name: str) -> AsyncIterator[Backend]:
    kind = SURFACES[api][name].kind
    if kind.file:
        with tempfile.TemporaryDirectory() as folder:
            yield FolderBackend("test", folder, forms={name: kind.file})
        return
    settings = AccountSettings("test", api, embedded.URLS.get(api, embedded.URL))
    async with open_backend(settings, None, transport=httpx2.ASGITransport(app=account.app)) as backend:
        yield backend


async def _send(backend: Backend, kind: str, built: Plan, live: LiveObject | None) -> LiveObject:
    live_id = live.id if live else ""
    for change in built.pending:
        for one in change.operations:
            match one:
                case Create():
                    live_id = str((await backend.create(kind, one.body))["id"])
                case Update():
                    await backend.update(kind, one.id, one.body)
                case _:
                    pytest.fail(f"{one} is none of an object alone")
    return LiveObject(kind, live_id, await backend.get(kind, live_id))
