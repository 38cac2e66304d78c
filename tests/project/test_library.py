"""`from deployer import Project`: what each method gives back, and that a result says what others would raise."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import deployer
from deployer import AccountError, ApplyResult, ApplyStatus, DeployerError, Problem, ProblemsFound, Project, StopSignal
from deployer.apply.execution import Event
from deployer.commands.options import plan_words
from deployer.manifest import schema
from deployer.model import Action, Address, OnDrift, Status, Upload
from deployer.project import PlanOptions, ProjectEvent
from deployer.project import saved as saved_plans
from deployer.project.saved import SavedPlan
from deployer.project.session import locked
from deployer.server import EmbeddedAccount, read_faults
from tests.manifest.foreign import by_hand
from tests.project.folders import ADDRESSES, DOCS, library, write
from tests.server.support import upload
from tests.support.killed import Door, served

NOWHERE = "accounts: {far: {api: assistants, base_url: 'http://127.0.0.1:9/v1', api_key: '${env.KEY}'}}\n"


def test_what_is_exported_can_be_imported() -> None:
    for name in deployer.__all__:
        assert getattr(deployer, name)
    with pytest.raises(AttributeError, match="no attribute 'Projects'"):
        _ = deployer.Projects


def test_a_wrong_manifest_raises_with_every_problem_as_a_value(tmp_path: Path) -> None:
    manifest = write(tmp_path, "assistants: {a: {modell: m}}\n")
    with pytest.raises(ProblemsFound) as caught:
        Project.load(manifest)
    assert all(isinstance(problem, Problem) for problem in caught.value.problems)
    assert {problem.address for problem in caught.value.problems} == {"assistant/a"}
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    found = Project.validate(manifest)
    assert (found.ok, found.errors) == (False, caught.value.problems)
    assert [one["address"] for one in found.to_dict()["problems"]] == ["assistant/a"] * len(found.problems)


def test_validate_knows_what_an_account_cannot_carry(tmp_path: Path) -> None:
    text = "accounts: {beta: {api: agents}}\nassistants: {a: {model: m, temperature: 1}}\n"
    manifest = write(tmp_path, text)
    assert Project.validate(manifest) == deployer.project.Validation("test", 1, ())
    found = Project.validate(manifest, account="beta")
    assert found.ok
    assert [problem.address for problem in found.problems] == ["assistant/a.temperature"]


def test_variables_and_secrets_come_from_what_is_given(tmp_path: Path) -> None:
    far = "accounts: {far: {api: agents, base_url: 'https://x.example/v1', api_key: '${env.K}'}}\n"
    manifest = write(tmp_path, f"variables: {{model: {{}}}}\n{far}assistants: {{a: {{model: '${{var.model}}'}}}}\n")
    with pytest.raises(ProblemsFound, match="the environment variable K is not set"):
        Project.load(manifest, account="far", variables={"model": "x"}, environ={})
    project = Project.load(manifest, account="far", variables={"model": "x"}, environ={"K": "s3cret"})
    assert project.manifest.settings.api_key == "s3cret"
    assert "s3cret" not in repr(project)
    assert (project.name, project.target.name, project.target.base_url) == ("test", "far", "https://x.example/v1")


def test_from_a_plan_to_its_proof(tmp_path: Path) -> None:
    project, events = library(tmp_path), list[ProjectEvent]()
    plan = project.plan()
    assert plan.summary == {"create": 2, "update": 0, "replace": 0, "delete": 0, "adopt": 0, "no-op": 0}
    assert schema.misfit("plan.schema.json", plan.to_dict()) is None
    assert plan.to_dict()["fingerprint"] == plan.fingerprint == project.plan().fingerprint
    result = project.apply(plan, on_event=events.append)
    assert (result.status, result.ok, result.why) == (ApplyStatus.DONE, True, "")
    assert result.plan == plan
    assert result.left
    assert result.left.pending == ()
    assert {str(one.address): one.live_id for one in result.outcomes} == project.outputs().to_dict()
    assert {one.outcome.address for one in events if isinstance(one, Event) and one.outcome} == {
        change.address for change in plan.pending
    }
    again = project.apply()
    assert (again.status, again.ok, again.outcomes) == (ApplyStatus.UNCHANGED, True, ())


def test_a_plan_is_applied_from_a_value_from_data_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    for number in range(3):
        project = library(tmp_path / str(number))
        plan = project.plan()
        saved_plans.write(file, plan)
        assert json.loads(file.read_text(encoding="utf-8")) == plan.to_dict()
        forms: tuple[SavedPlan, ...] = (plan, plan.to_dict(), file)
        assert project.apply(forms[number]).status is ApplyStatus.DONE


def test_a_plan_carries_its_options(tmp_path: Path) -> None:
    library(tmp_path).apply()
    smaller = library(tmp_path, "vector_stores: {docs: {files: [docs/*]}}\n")
    plan = smaller.plan(prune=True)
    assert plan.summary["delete"] == 1
    assert smaller.apply(plan).status is ApplyStatus.DONE
    assert smaller.plan(prune=True).pending == ()


def test_what_keeps_a_run_from_beginning_is_a_result(tmp_path: Path) -> None:
    project = library(tmp_path)
    plan = project.plan()
    project.apply(plan)
    stale = project.apply(plan)
    assert (stale.status, stale.ok) == (ApplyStatus.REFUSED, False)
    assert stale.why.startswith("the plan is out of date: ")
    assert stale.to_dict()["status"] == "refused"
    none = project.apply({"version": 1})
    assert (none.status, none.plan) == (ApplyStatus.REFUSED, None)
    assert "this is no plan of this deployer" in none.why


def test_a_guard_refuses_and_can_be_lifted_by_name(tmp_path: Path) -> None:
    many = "assistants: {" + ", ".join(f"a{number}: {{model: m}}" for number in range(10)) + "}\n"
    library(tmp_path, many).apply()
    few = library(tmp_path, "assistants: {a0: {model: m}}\n")
    refused = few.apply(prune=True)
    assert (refused.status, refused.plan and refused.plan.summary["delete"]) == (ApplyStatus.REFUSED, 9)
    assert "deletes 9 of 10 owned objects" in refused.why
    assert few.apply(prune=True, force=["prune-limit"]).ok


@pytest.mark.parametrize("method", ("apply", "rollback", "adopt", "destroy"))
def test_an_account_that_cannot_be_reached_is_a_result_of_what_writes(tmp_path: Path, method: str) -> None:
    project = Project.load(write(tmp_path, NOWHERE + DOCS), account="far", environ={"KEY": "k"})
    calls: dict[str, Callable[[], ApplyResult]] = {
        "apply": project.apply,
        "rollback": project.rollback,
        "adopt": lambda: project.adopt("assistant/tutor", "asst_1"),
        "destroy": lambda: project.destroy(confirm="test"),
    }
    result = calls[method]()
    assert result.status is ApplyStatus.REFUSED
    assert ("there is no snapshot" if method == "rollback" else "account far: GET http://127.0.0.1:9/v1/") in result.why


def test_an_account_that_cannot_be_reached_is_raised_where_nothing_is_written(tmp_path: Path) -> None:
    project = Project.load(write(tmp_path, NOWHERE + DOCS), account="far", environ={"KEY": "k"})
    with pytest.raises(AccountError, match="account far: GET"):
        project.plan()


def test_a_change_that_fails_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    faults = read_faults({"faults": [{"on": "POST /v1/assistants", "status": 400, "times": 1}]})
    with EmbeddedAccount(tmp_path / "account", faults=faults) as account, served(Door(account.app)) as base_url:
        far = f"accounts: {{far: {{api: assistants, base_url: '{base_url}', api_key: '${{env.KEY}}'}}}}\n"
        manifest = write(tmp_path, f"{far}assistants: {{a: {{model: m}}, b: {{model: m}}}}\n")
        project = Project.load(manifest, account="far", environ={"KEY": "k"})
        result = project.apply()
        assert (result.status, result.ok, result.left) == (ApplyStatus.INCOMPLETE, False, None)
        assert sorted(one.status for one in result.outcomes) == [Status.DONE, Status.FAILED]
        (why,) = [one.why for one in result.outcomes if one.why]
        assert "POST" in why
        assert project.apply().ok


def test_stop_ends_a_run_after_the_requests_in_flight(tmp_path: Path) -> None:
    project, stop = library(tmp_path), StopSignal()
    stop.set()
    result = project.apply(stop=stop)
    assert (result.status, result.ok, result.left) == (ApplyStatus.INTERRUPTED, False, None)
    assert {one.status for one in result.outcomes} == {Status.SKIPPED}
    assert project.apply().ok


def test_stop_may_come_from_an_event(tmp_path: Path) -> None:
    project, stop = library(tmp_path), StopSignal()
    result = project.apply(stop=stop, on_event=lambda _event: stop.set())
    assert result.status in {ApplyStatus.INTERRUPTED, ApplyStatus.DONE}
    assert project.apply().ok


def test_an_interrupted_upload_says_how_far_it_came(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / "docs").mkdir(exist_ok=True)
        (tmp_path / "docs" / f"{number}.md").write_text(str(number), encoding="utf-8")
    project, stop = library(tmp_path), StopSignal()

    def heard(event: ProjectEvent) -> None:
        if isinstance(event, Event) and isinstance(event.operation, Upload):
            stop.set()

    result = project.apply(stop=stop, on_event=heard)
    assert (result.status, result.left) == (ApplyStatus.INTERRUPTED, None)
    (begun,) = result.begun
    assert str(begun.address) == "vector_store/docs"
    assert 0 < begun.files < begun.all_files == 41
    assert begun.files <= begun.operations < begun.all_operations
    assert project.apply().ok


def test_what_a_listener_raises_stops_the_run_and_is_raised_afterwards(tmp_path: Path) -> None:
    project = library(tmp_path)

    def broken(_event: ProjectEvent) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        project.apply(on_event=broken)
    assert project.apply().ok


def test_being_cancelled_ends_it_and_the_next_run_does_what_is_left(tmp_path: Path) -> None:
    project = library(tmp_path)

    async def run() -> None:
        begun = asyncio.Event()
        work = asyncio.create_task(project.aapply(on_event=lambda _event: begun.set()))
        await begun.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(run())
    assert project.apply().ok


def test_drift_and_back(tmp_path: Path) -> None:
    project = library(tmp_path, "assistants: {a: {model: m, instructions: be kind}}\n")
    assert project.drift().absent == (Address("assistant", "a"),)
    project.apply()
    _edit(project, "a", instructions="be rude")
    found = project.drift()
    assert [str(one.address) for one in found.moved] == ["assistant/a"]
    assert schema.misfit("drift.schema.json", found.to_dict()) is None
    refused = project.apply()
    assert (refused.status, "edited on the account" in refused.why) == (ApplyStatus.REFUSED, True)
    assert project.apply(on_drift="overwrite").ok
    assert project.drift().moved == ()


def _edit(project: Project, name: str, **fields: Any) -> None:
    """Change an assistant as somebody would in the account's own console."""
    live_id = project.outputs()[f"assistant/{name}"]
    with by_hand(project.file.parent) as hand:
        hand.make(f"assistants/{live_id}", **fields)


def _made_by_hand(project: Project, **fields: Any) -> str:
    with by_hand(project.file.parent) as hand:
        return str(hand.make("assistants", **fields)["id"])


def test_outputs_say_what_is_not_live(tmp_path: Path) -> None:
    project = library(tmp_path)
    assert project.outputs().missing == tuple(map(Address.parse, ADDRESSES))
    with pytest.raises(KeyError):
        _ = project.outputs()["assistant/tutor"]
    project.apply()
    outputs = project.outputs()
    assert (tuple(outputs.to_dict()), outputs.missing) == (ADDRESSES, ())
    assert outputs["assistant/tutor"].startswith("asst_")


def test_adopt_by_id_and_by_name(tmp_path: Path) -> None:
    project = library(tmp_path, "assistants: {a: {name: A, model: m}, b: {name: B, model: m}}\n")
    first = _made_by_hand(project, name="A", model="m")
    _made_by_hand(project, name="B", model="m")
    result = project.adopt("assistant/a", first)
    assert [(one.action, one.status) for one in result.outcomes] == [(Action.ADOPT, Status.DONE)]
    assert project.adopt("assistant/b", name="B").ok
    assert project.adopt("assistant/a", first).status is ApplyStatus.UNCHANGED
    assert project.outputs()["assistant/a"] == first
    refused = project.adopt("assistant/c", first)
    assert (refused.status, refused.why) == (
        ApplyStatus.REFUSED,
        "the manifest does not declare 'assistant/c'; did you mean 'assistant/b'?",
    )
    with pytest.raises(ValueError, match="either its id, or its name"):
        project.adopt("assistant/a")


def test_export_and_adopt_so_that_nothing_is_left(tmp_path: Path) -> None:
    project = library(tmp_path / "here", "assistants: {}\n")
    _made_by_hand(project, name="Tutor", model="m", instructions="be kind")
    found = project.export(tmp_path / "there")
    assert (found.foreign, found.adopted, found.left) == ((Address("assistant", "tutor"),), None, None)
    with pytest.raises(DeployerError, match="exists; name another folder"):
        project.export(tmp_path / "there")
    taken = project.export(tmp_path / "there", overwrite=True, adopt=True)
    assert (taken.addresses, taken.adopted and taken.adopted.ok) == ((Address("assistant", "tutor"),), True)
    assert taken.left
    assert taken.left.pending == ()
    assert taken.manifest == tmp_path / "there" / "assistants.yaml"


def test_rollback_to_before_a_run(tmp_path: Path) -> None:
    library(tmp_path, "assistants: {a: {model: m, instructions: first}}\n").apply()
    project = library(tmp_path, "assistants: {a: {model: m, instructions: second}}\n")
    before = project.apply()
    assert [one.name for one in project.snapshots()][-1] == before.snapshot
    assert project.plan().pending == ()
    back = project.rollback(before.snapshot)
    assert (back.status, back.left and back.left.pending) == (ApplyStatus.DONE, ())
    assert project.plan().summary["update"] == 1
    assert project.rollback("20200101T000000.000000Z-test").status is ApplyStatus.REFUSED


def test_destroy_wants_the_name_and_respects_protection(tmp_path: Path) -> None:
    kept = library(tmp_path, "assistants: {a: {model: m, protect: true}}\n")
    kept.apply()
    with pytest.raises(ValueError, match="which is test"):
        kept.destroy(confirm="tset")
    refused = kept.destroy(confirm="test")
    assert (refused.status, "protected: assistant/a" in refused.why) == (ApplyStatus.REFUSED, True)
    project = library(tmp_path, "assistants: {a: {model: m, protect: false}}\n")
    project.apply()
    gone = project.destroy(confirm="test")
    assert (gone.status, [one.action for one in gone.outcomes]) == (ApplyStatus.DONE, [Action.DELETE])
    assert project.outputs().missing == (Address("assistant", "a"),)


def test_gc_finds_and_deletes(tmp_path: Path) -> None:
    project = library(tmp_path)
    project.apply()
    content = (tmp_path / "docs" / "a.md").read_bytes()
    with by_hand(tmp_path) as hand:
        upload(hand.api, "a.md", content)
    assert project.gc().files == ()
    found = project.gc(older_than=-1.0)
    assert ([one.name for one in found.files], found.deleted) == (["a.md"], False)
    assert project.gc(older_than=-1.0, delete=True).deleted
    assert project.gc(older_than=-1.0).files == ()


def test_a_lease_keeps_others_out_until_it_is_removed(tmp_path: Path) -> None:
    project = Project.load(write(tmp_path, "accounts: {a: {api: assistants, lock: true}}\n" + DOCS), account="a")

    async def contend() -> ApplyResult:
        async with project.open() as session, locked(session):
            refused = await asyncio.to_thread(project.apply)
            assert [lease.holder for lease in await asyncio.to_thread(project.unlock)] != []
        return refused

    refused = asyncio.run(contend())
    assert (refused.status, "project test is locked by" in refused.why) == (ApplyStatus.REFUSED, True)
    assert project.apply().ok
    assert project.unlock() == ()


def test_a_result_as_data(tmp_path: Path) -> None:
    data = library(tmp_path, "assistants: {a: {model: m}}\n").apply().to_dict()
    (outcome,) = data.pop("outcomes")
    assert data.pop("snapshot").endswith("-test")
    Draft202012Validator(schema.load("apply.schema.json")).validate({**data, "outcomes": [outcome], "snapshot": None})
    account = {"name": "embedded", "api": "assistants", "base_url": "embedded in .deployer/account"}
    rest = {"status": "done", "why": "", "left": 0, "begun": []}
    assert data == {"version": 1, "project": "test", "account": account, **rest}
    assert (outcome["address"], outcome["action"], outcome["status"]) == ("assistant/a", "create", "done")
    assert json.dumps(outcome)


def test_every_option_of_a_plan_reaches_the_library_and_the_commands_that_are_printed() -> None:
    """Whoever hands options on takes them from here: one that is lost would be a check that is not made."""
    given = PlanOptions(
        prune=True,
        on_drift=OnDrift.KEEP,
        check_files=True,
        targets=(Address("assistant", "a"),),
        strict_surface=True,
    )
    names = {one.name for one in fields(PlanOptions)} - {"origin"}
    assert names == set(given.keywords())
    for method in (Project.plan, Project.apply):
        assert names <= inspect.signature(method).parameters.keys()
    words = plan_words(given)
    assert {name.replace("_", "-").rstrip("s") for name in names} <= {word.strip("-").rstrip("s") for word in words}


def test_what_a_surface_cannot_carry_can_be_an_error_here_too(tmp_path: Path) -> None:
    text = "accounts: {a: {api: agents}}\nassistants: {a: {model: m, temperature: 0.1}}\n"
    project = Project.load(write(tmp_path, text), account="a")
    assert project.plan().errors == ()
    assert project.plan(strict_surface=True).errors
    assert project.apply(strict_surface=True).status is ApplyStatus.REFUSED
    assert project.apply().ok
