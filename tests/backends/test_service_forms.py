"""A service that keeps what it is sent in a form of its own: each way of that, of each field, on create and update.

After each apply the next plan is empty, on another machine too; nothing drifts; an edit by hand is still one.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from deployer.engine import drift
from deployer.model import OnDrift, Origin, Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from deployer.server import EmbeddedAccount
from tests.support.live import App, Wire, apply, http, session
from tests.support.project import Project
from tests.support.services import Service

PATHS = {"assistants": "/assistants", "agents": "/agents"}
Body = dict[str, Any]


def function(description: str, **schema: Any) -> Body:
    parameters = {"type": "object", "properties": {"at": {"type": "string"}}, **schema}
    return {"type": "function", "name": "find", "description": description, "parameters": parameters}


def trimmed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: trimmed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [trimmed(inner) for inner in value]
    return value.strip() if isinstance(value, str) else value


def in_lower_case(body: Body) -> Body:
    return {**body, "metadata": {name.lower(): value for name, value in (body.get("metadata") or {}).items()}}


def rounded(body: Body) -> Body:
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in body.items()}


def resolved(body: Body) -> Body:
    model = body.get("model")
    return {**body, "model": f"{model}-2026-11-01"} if model and not model.endswith("-01") else body


def completed(body: Body) -> Body:
    """Schemas of functions get what validators like to see."""
    result = copy.deepcopy(body)
    for tool in result.get("tools") or ():
        schema = tool.get("function", tool).get("parameters")
        if schema is not None:
            schema |= {"additionalProperties": False, "title": None}
    return result


def in_other_keys(body: Body) -> Body:
    """Keys of schemas get another case."""
    result = copy.deepcopy(body)
    for tool in result.get("tools") or ():
        schema = tool.get("function", tool).get("parameters") or {}
        if "properties" in schema:
            schema["Properties"] = schema.pop("properties")
    return result


def as_text(body: Body) -> Body:
    return {**body, "metadata": {key: str(value).lower() for key, value in (body.get("metadata") or {}).items()}}


Case = tuple[Callable[[Body], Body], str, Any, Any, Any]
CASES: dict[str, Case] = {
    "name trimmed": (trimmed, "name", " Tutor ", " Teacher ", "Someone"),
    "instructions trimmed": (trimmed, "instructions", "Help.\n\n", "Help more.\n\n", "Refuse."),
    "description trimmed": (trimmed, "description", " a ", " b ", "c"),
    "metadata trimmed": (trimmed, "metadata", {"team": " x "}, {"team": " y "}, {"team": "z"}),
    "function trimmed": (trimmed, "tools", [function(" a ")], [function(" b ")], [function("c")]),
    "model resolved": (resolved, "model", "gpt-6-luna", "gpt-6-sol", "gpt-6-terra-01"),
    "temperature rounded": (rounded, "temperature", 0.31, 0.42, 0.9),
    "top_p rounded": (rounded, "top_p", 0.31, 0.42, 0.9),
    "schema completed": (completed, "tools", [function("a")], [function("a", required=["at"])], []),
    "keys of a schema": (in_other_keys, "tools", [function("a")], [function("b")], []),
    "keys of metadata": (in_lower_case, "metadata", {"Team": "x"}, {"Team": "y"}, {"team": "z"}),
    "values of metadata": (as_text, "metadata", {"flag": "TRUE"}, {"flag": "FALSE"}, {"flag": "maybe"}),
}
ON_AGENTS = [name for name in CASES if not any(word in name for word in ("description", "temperature", "top_p"))]
MATRIX = [("assistants", name) for name in CASES] + [("agents", name) for name in ON_AGENTS]
BASE: Body = {"model": "gpt-6-luna"}


def declare(project: Project, field: str, value: Any) -> None:
    project.manifest(yaml.safe_dump({"assistants": {"a": {**BASE, field: value}}}))


def service_of(app: App, api: str, form: Callable[[Body], Body]) -> Wire:
    def alter(method: str, path: str, body: Any) -> Any:
        return form(body) if method == "POST" and path.startswith(PATHS[api]) and body else body

    return Wire(Service(app, alter))


async def converged(one: Session) -> None:
    outcomes = await apply(one, on_drift=OnDrift.FAIL)
    assert [outcome.status for outcome in outcomes] == [Status.DONE], [outcome.why for outcome in outcomes]
    assert sum("its own form" in note for outcome in outcomes for note in outcome.notes) == 1
    plan = await one.plan()
    assert (plan.pending, plan.problems, drift.moved(plan)) == ((), (), ())
    assert [outcome.status for outcome in await apply(one)] == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("api", "name"), MATRIX)
def test_a_form_of_its_own_is_no_edit(project: Project, api: str, name: str) -> None:
    form, field, first, second, edit = CASES[name]

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            wire = service_of(account.app, api, form)
            for value in (first, second, first):
                declare(project, field, value)
                async with session(project.root, api, wire) as one:
                    await converged(one)
                _forget(project)
                async with session(project.root, api, wire) as other:
                    assert (await other.plan(PlanOptions(prune=True))).pending == ()
            async with session(project.root, api, wire) as one:
                await _edited(one, api, field, edit)
                plan = await one.plan()
                assert {found.origin for change in plan.changes for found in change.fields} == {Origin.ACCOUNT}
                assert len(drift.moved(plan)) == 1
                outcomes = await apply(one)
                assert [outcome.status for outcome in outcomes] == [Status.DONE]
                assert outcomes[0].notes == ()
                assert (await one.plan()).pending == ()

    asyncio.run(work())


def _forget(project: Project) -> None:
    """Another machine knows nothing but the manifest."""
    for path in sorted((project.root / ".deployer").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


async def _edited(one: Session, api: str, field: str, value: Any) -> None:
    client, kind = http(one), "assistant"
    (row,) = await one.account.of(kind).list(kind)
    sent = {field: value}
    if field == "metadata":
        sent = {field: {**row["metadata"], **value}}
    if field == "tools" and api == "assistants":
        inner = [{name: inner for name, inner in tool.items() if name != "type"} for tool in value]
        sent = {field: [{"type": "function", "function": tool} for tool in inner]}
    await client.write("POST", f"{PATHS[api]}/{row['id']}", sent)


DROPS: dict[str, tuple[str, Any, Any]] = {
    "name": ("name", "Tutor", "Teacher"),
    "instructions": ("instructions", "Help.", "Help more."),
    "temperature": ("temperature", 0.3, 0.4),
    "tools": ("tools", [function("a")], [function("b")]),
    "metadata": ("metadata", {"team": "x"}, {"team": "y"}),
}


def without(field: str) -> Callable[[Body], Body]:
    def form(body: Body) -> Body:
        if field == "metadata":
            return {**body, field: {name: one for name, one in (body.get(field) or {}).items() if name != "team"}}
        return {name: value for name, value in body.items() if name != field}

    return form


@pytest.mark.parametrize("name", DROPS)
def test_a_write_that_was_not_taken_is_no_form(project: Project, name: str) -> None:
    field, first, second = DROPS[name]

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            dropping = service_of(account.app, "assistants", without(field))
            declare(project, field, first)
            async with session(project.root, "assistants", dropping) as one:
                for _ in range(2):
                    (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                    assert [note for note in outcome.notes if note.endswith("it did not take it")]
                    plan = await one.plan()
                    assert {found.origin for change in plan.pending for found in change.fields} == {Origin.MANIFEST}
                    assert [str(told) for told in plan.problems if "did not take it" in told.message]
                    assert drift.moved(plan) == ()
            async with session(project.root, "assistants", Wire(account.app)) as one:
                (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                assert (outcome.status, outcome.notes) == (Status.DONE, ())
                assert ((await one.plan()).pending, (await one.plan()).problems) == ((), ())
            declare(project, field, second)
            async with session(project.root, "assistants", dropping) as one:
                (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                assert [note for note in outcome.notes if note.endswith("it did not take it")] or field == "metadata"
                assert (await one.plan()).pending
                await apply(one, on_drift=OnDrift.FAIL)

    asyncio.run(work())


@pytest.mark.parametrize(("field", "value"), (("temperature", 0.3), ("name", "Tutor"), ("reasoning_effort", "low")))
def test_what_is_no_longer_declared_is_reset_by_null(project: Project, field: str, value: Any) -> None:
    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            service = Service(account.app, lambda _method, _path, body: body)
            declare(project, field, value)
            async with session(project.root, "assistants", Wire(service)) as one:
                await apply(one)
            project.manifest(yaml.safe_dump({"assistants": {"a": BASE}}))
            async with session(project.root, "assistants", Wire(service)) as one:
                (outcome,) = await apply(one)
                assert (outcome.status, outcome.notes) == (Status.DONE, ())
                assert (await one.plan()).pending == ()
            sent = [
                body for method, path, body in service.asked if method == "POST" and path.startswith("/assistants/")
            ]
            assert [body[field] for body in sent] == [None]

    asyncio.run(work())


def test_a_reset_that_was_not_taken_is_tried_again(project: Project) -> None:
    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            declare(project, "temperature", 0.3)
            async with session(project.root, "assistants", Wire(account.app)) as one:
                await apply(one)
            project.manifest(yaml.safe_dump({"assistants": {"a": BASE}}))
            async with session(
                project.root, "assistants", service_of(account.app, "assistants", without("temperature"))
            ) as one:
                for _ in range(2):
                    (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                    assert outcome.notes == (
                        "the service answered temperature 0.3 where null was sent: it did not take it",
                    )
                    assert [found.name for change in (await one.plan()).pending for found in change.fields] == [
                        "temperature"
                    ]
            async with session(project.root, "assistants", Wire(account.app)) as one:
                await apply(one, on_drift=OnDrift.FAIL)
                assert (await one.plan()).pending == ()

    asyncio.run(work())


@pytest.mark.parametrize(
    "field", ("temperature", "top_p", "name", "description", "instructions", "reasoning_effort", "response_format")
)
@pytest.mark.parametrize("api", PATHS)
def test_a_manifest_may_say_null(project: Project, api: str, field: str) -> None:
    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            declare(project, field, None)
            async with session(project.root, api, Wire(account.app)) as one:
                for _ in range(2):
                    assert {found.status for found in await apply(one, on_drift=OnDrift.FAIL)} <= {Status.DONE}
                    assert (await one.plan()).pending == ()

    asyncio.run(work())


def test_a_store_has_forms_too_and_they_stay_where_an_edit_is_kept(project: Project) -> None:
    def alter(method: str, path: str, body: Any) -> Any:
        return trimmed(body) if method == "POST" and path.startswith("/vector_stores") and body else body

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            wire = Wire(Service(account.app, alter))
            for name in (" Docs ", " Files "):
                project.manifest(
                    yaml.safe_dump({"vector_stores": {"docs": {"name": name, "metadata": {"team": " x "}}}})
                )
                async with session(project.root, "assistants", wire) as one:
                    (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                    assert (outcome.status, (await one.plan()).pending) == (Status.DONE, ())
            async with session(project.root, "assistants", wire) as one:
                (row,) = await one.account.of("vector_store").list("vector_store")
                await http(one).write("POST", f"/vector_stores/{row['id']}", {"name": "By hand"})
                assert (await one.plan(PlanOptions(on_drift=OnDrift.KEEP))).pending == ()
                (change,) = (await one.plan()).pending
                assert [(field.name, field.origin) for field in change.fields] == [("name", Origin.ACCOUNT)]

    asyncio.run(work())
