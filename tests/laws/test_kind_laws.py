"""The laws of kinds, held against the embedded account: what was sent is what is read back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.backends.http.client import Client, connect
from deployer.engine import canonical, diff, plan
from deployer.kinds import SURFACES, Kind
from deployer.model import AccountSettings, Address, Attrs, Create, LiveObject, Plan, Resource, Target, Update
from deployer.server import EmbeddedAccount
from tests.support import strategies

KINDS = [(api, name) for api, kinds in SURFACES.items() for name in kinds]
desired = st.sampled_from(KINDS).flatmap(
    lambda pair: st.tuples(
        st.just(pair),
        *[strategies.stores if pair[1] == "vector_store" else strategies.assistants for _ in range(2)],
    )
)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(Path(tmp_path_factory.mktemp("account"))) as one:
        yield one


@given(desired)
def test_canonical_form_is_stable(pair: tuple[tuple[str, str], Attrs, Attrs]) -> None:
    (api, name), attrs, _ = pair
    kind = SURFACES[api][name]
    once = kind.express(attrs).attrs
    raw = {"id": "x", **kind.wire(once, None).fields}
    again = kind.canonical(raw, {})
    assert all(canonical.same(again[field], value) for field, value in once.items())


@given(desired)
def test_what_was_created_reads_back_as_desired_and_so_does_every_update(
    account: EmbeddedAccount, pair: tuple[tuple[str, str], Attrs, Attrs]
) -> None:
    (api, name), before, after = pair
    asyncio.run(_walk(account, api, name, [before, after, before]))


async def _walk(account: EmbeddedAccount, api: str, name: str, states: list[Attrs]) -> None:
    kinds = SURFACES[api]
    headers = {kind.PATH: kind.HEADERS for kind in kinds.values()}
    settings = AccountSettings("test", api, "http://embedded.invalid/v1")
    async with connect(settings, headers, httpx2.ASGITransport(app=account.app)) as client:
        live: LiveObject | None = None
        scope = plan.Scope("test", Target("test", api, ""), kinds)
        for attrs in states:
            resource = Resource(Address(name, "one"), attrs)
            built = plan.build(scope, [resource], [live] if live else [])
            live = await _send(client, kinds[name], built, live)
            assert plan.build(scope, [resource], [live]).pending == ()
            wanted = kinds[name].express(attrs).attrs
            assert diff.compare(kinds[name].canonical(live.raw, {}), wanted, kinds[name].DEFAULTS, {}) == ()


async def _send(client: Client, kind: Kind, built: Plan, live: LiveObject | None) -> LiveObject:
    raw: Any = live.raw if live else None
    for change in built.pending:
        for one in change.operations:
            assert isinstance(one, Create | Update)
            path = f"{kind.PATH}/{one.id}" if isinstance(one, Update) else kind.PATH
            raw = (await client.write("POST", path, one.body)).data
    read = (await client.get(f"{kind.PATH}/{raw['id']}")).data
    return LiveObject(built.changes[0].address.kind, raw["id"], read)
