"""A fleet on the embedded account: waves, limits, failures, the report, and what is resumed."""

from __future__ import annotations

import asyncio
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from deployer import fleet
from deployer.fleet import Fleet, UnitResult, UnitStatus, Verb
from deployer.manifest.schema import misfit
from deployer.project import Project as Library
from deployer.project import StopSignal
from deployer.project.session import opened
from tests.support.live import http
from tests.support.project import Project

MANIFEST = """
accounts:
  tenant: {api: agents, variables: {school: "${row.school}"}}
fleet:
  account: tenant
  from: tenants.csv
  waves: [{where: {tier: canary}}, {where: {region: [eu, uk]}, max_parallel: 2}, {}]
variables: {school: {default: none}}
assistants:
  same: {model: m, instructions: hello}
  own: {model: m, instructions: "of ${var.school}"}
"""
TABLE = "school,tier,region\nnorth,canary,eu\nsouth,prod,eu\nwest,prod,uk\neast,prod,us\n"


@pytest.fixture
def four(project: Project) -> Project:
    project.manifest(MANIFEST)
    project.write("tenants.csv", TABLE)
    return project


def broken(project: Project, name: str) -> Path:
    """Let one account be down: where its folder should be, a file stands."""
    return project.write(f".deployer/fleet/{name}/.deployer", "no folder")


def asked(project: Project) -> set[str]:
    """Return the accounts to which something was sent."""
    return {one.parts[-3] for one in project.root.glob(".deployer/fleet/*/.deployer/account")}


def again(value: Any) -> Any:
    """Return what arrives on another machine."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 (our own)


def statuses(report: Any) -> dict[str, str]:
    return {one["name"]: one["status"] for one in report["accounts"]}


def test_empty_to_a_to_b_and_every_next_plan_is_empty(four: Project) -> None:
    assert four.run("validate", "--fleet").code == 0
    assert four.run("plan", "--fleet", "--exit-code").code == 2
    done = four.run("apply", "--fleet", "--yes", "--format", "json")
    assert (done.code, done.json()["counts"]) == (0, {"done": 4, "left": 0})
    assert four.run("plan", "--fleet", "--exit-code").code == 0
    four.manifest(MANIFEST.replace("hello", "goodbye"))
    changed = four.run("plan", "--fleet", "--format", "json").json()
    assert [(one["address"], one["action"], one["everywhere"]) for one in changed["changes"]] == [
        ("assistant/same", "update", True)
    ]
    assert four.run("apply", "--fleet", "--yes").code == 0
    assert four.run("plan", "--fleet", "--exit-code").code == 0


def test_what_is_the_same_is_told_once_and_what_differs_by_account(four: Project) -> None:
    result = four.run("plan", "--fleet")
    assert result.out == (
        "test · fleet tenant · 4 accounts in 3 waves\n"
        "\n"
        "On all 4 accounts:\n"
        "  + assistant/same\n"
        '      instructions: "hello"\n'
        '      model: "m"\n'
        "\n"
        "Differs by account:\n"
        "  + assistant/own\n"
        + "".join(
            f'      {name}:\n        instructions: "of {name}"\n        model: "m"\n'
            for name in ("north", "south", "west", "east")
        )
        + "\n"
        "wave 1 (tier=canary): 1 account: 1 ok\n"
        "wave 2 (region=eu or uk): 2 accounts: 2 ok\n"
        "wave 3: 1 account: 1 ok\n"
        "4 accounts: 4 with changes.\n"
    )


@pytest.mark.parametrize("form", ("text", "json", "markdown", "html"))
def test_each_format_names_what_failed_and_is_harmless(four: Project, form: str) -> None:
    four.write("tenants.csv", TABLE)
    broken(four, "south")
    result = four.run("plan", "--fleet", "--format", form)
    assert result.code == 1
    assert "tenants.csv:3:1" in result.out
    assert "<script" not in result.out
    assert form != "html" or result.out.startswith("<!doctype html>")


@pytest.mark.parametrize("verb", ("plan", "apply", "drift"))
def test_an_account_that_is_down_in_wave_1_ends_it_there(four: Project, verb: str) -> None:
    broken(four, "north")
    result = four.run(verb, "--fleet", *(["--yes"] if verb == "apply" else []))
    assert result.code == 1
    assert "✗ north (tenants.csv:2:1): the embedded account cannot be kept in " in result.err
    assert (
        "Stopped: wave 1 is not whole, 1 account failed: north (tenants.csv:2:1); nothing was sent to wave 2 and 3.\n"
        in result.out
    )
    assert asked(four) == set()


def test_a_failure_ends_its_wave_after_as_many_as_are_allowed(four: Project) -> None:
    broken(four, "south")
    one = four.run("apply", "--fleet", "--yes", "--max-parallel", "1", "--format", "json").json()
    assert (statuses(one), one["counts"]["left"]) == ({"north": "done", "south": "failed"}, 2)
    two = four.run("apply", "--fleet", "--yes", "--max-parallel", "1", "--max-failures", "2", "--format", "json").json()
    assert statuses(two) == {"north": "unchanged", "south": "failed", "west": "done"}
    assert [(one["number"], one["ok"], one["failed"], one["left"]) for one in two["waves"]] == [
        (1, 1, 0, 0),
        (2, 1, 1, 0),
        (3, 0, 0, 1),
    ]


def test_resume_does_what_is_left_and_leaves_alone_what_is_done(four: Project) -> None:
    down = broken(four, "west")
    assert four.run("apply", "--fleet", "--yes", "--max-parallel", "1").code == 1
    down.unlink()
    again = four.run("apply", "--fleet", "--yes", "--resume", "--format", "json").json()
    assert (statuses(again), again["counts"]) == (
        {"west": "done", "east": "done"},
        {"done": 2, "resumed": 2, "left": 0},
    )
    four.manifest(MANIFEST.replace("hello", "goodbye"))  # what was done then is not what is wanted now
    other = four.run("apply", "--fleet", "--yes", "--resume", "--format", "json").json()
    assert other["counts"] == {"done": 4, "left": 0}


def test_a_journal_that_was_cut_is_read_as_far_as_it_goes(four: Project) -> None:
    assert four.run("apply", "--fleet", "--yes").code == 0
    journal = four.root / ".deployer/fleet/journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    again = four.run("apply", "--fleet", "--yes", "--resume", "--format", "json").json()
    assert again["counts"] == {"unchanged": 1, "resumed": 3, "left": 0}
    last = four.run("apply", "--fleet", "--yes", "--resume", "--format", "json").json()
    assert last["counts"] == {"resumed": 4, "left": 0}


def test_only_some_accounts(four: Project) -> None:
    some = four.run("plan", "--fleet", "--where", "region=uk", "--where", "region=us", "--format", "json").json()
    assert list(statuses(some)) == ["west", "east"]
    none = four.run("plan", "--fleet", "--where", "region=ue")
    assert (none.code, none.err) == (64, "no row has region=ue; values: eu, uk, us\n")
    label = four.run("plan", "--fleet", "--where", "regio=eu")
    assert (label.code, label.err) == (1, "fleet: no row has the label 'regio'; did you mean 'region'?\n")


def test_a_manifest_that_is_wrong_for_one_row_is_sent_nowhere(four: Project) -> None:
    four.manifest(MANIFEST.replace("assistants:", "policies: {forbidden: {texts: [east]}}\nassistants:"))
    result = four.run("apply", "--fleet", "--yes")
    assert (result.code, asked(four)) == (1, set())
    assert "assistant/own" in result.err


def test_drift_names_the_accounts_that_were_edited(four: Project) -> None:
    assert four.run("apply", "--fleet", "--yes").code == 0
    found = Fleet.load("assistants.yaml")
    assert found.template
    shared = found.template.compiled(found.rows[1], {})
    edit(shared)
    result = four.run("drift", "--fleet", "--exit-code", "--format", "json")
    told = result.json()
    assert (result.code, statuses(told)["south"], told["counts"]) == (
        2,
        "drifted",
        {"unchanged": 3, "drifted": 1, "left": 0},
    )
    assert [(one["address"], one["names"]) for one in told["changes"]] == [("assistant/same", ["south"])]


def edit(manifest: Any) -> None:
    live = Library(manifest, Path("assistants.yaml")).outputs()["assistant/same"]

    async def work() -> None:
        async with opened(manifest) as session:
            await http(session).write("POST", f"/agents/{live}", {"instructions": "edited by hand"})

    asyncio.run(work())


@pytest.mark.usefixtures("four")
def test_stopping_begins_nothing_more_and_says_so() -> None:
    stop = StopSignal()
    report = Fleet.load("assistants.yaml").run(Verb.APPLY, on_result=lambda _: stop.set(), stop=stop)
    assert (report.interrupted, report.data["counts"]) == (True, {"done": 1, "left": 3})
    assert report.data["stopped"] == "interrupted in wave 1; nothing was sent to wave 2 and 3"


@pytest.mark.usefixtures("four")
def test_units_are_picklable_and_may_be_run_twice() -> None:
    found = Fleet.load("assistants.yaml")
    waves = again(found).units(Verb.APPLY)
    assert [[unit.name for unit in wave] for wave in waves] == [
        ["tenant/north"],
        ["tenant/south", "tenant/west"],
        ["tenant/east"],
    ]
    units = [again(unit) for wave in waves for unit in wave]
    first = [fleet.run(unit) for unit in units]
    assert again(first) == first
    more = [fleet.run(unit) for unit in units]
    assert [(one.status, two.status) for one, two in zip(first, more, strict=True)] == [
        (UnitStatus.DONE, UnitStatus.UNCHANGED)
    ] * 4
    report = found.report([*first, *more], Verb.APPLY)
    assert (report.ok, report.data["counts"]) == (True, {"unchanged": 4, "left": 0})


def test_a_worker_with_other_files_refuses(four: Project) -> None:
    unit = Fleet.load("assistants.yaml").units(Verb.PLAN)[0][0]
    four.manifest(MANIFEST.replace("hello", "goodbye"))
    result = unit.run()
    assert (result.status, "is not the manifest that the fleet was read from" in result.why) == (
        UnitStatus.FAILED,
        True,
    )


def test_limits_count_what_is_worked_on_at_once(four: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "{api: agents, base_url: 'https://h${row.host}.example/v1', api_key: '${env.KEY}'}"
    rows = "".join(f"t{number},{number % 2}\n" for number in range(12))
    four.manifest(
        f"accounts: {{tenant: {url.replace('v1', 'v1/${row.name}')}}}\n"
        "fleet: {account: tenant, from: t.csv, max_parallel: 5, max_per_host: 2}\nassistants: {a: {model: m}}\n"
    )
    four.write("t.csv", f"name,host\n{rows}")
    running: dict[str, int] = {}
    most: list[tuple[int, int]] = []

    async def done(_shared: object, unit: fleet.Unit, *_: object) -> UnitResult:
        host = str(unit.row.values["host"])
        running[host] = running.get(host, 0) + 1
        most.append((running[host], sum(running.values())))
        for _step in range(3):
            await asyncio.sleep(0)
        running[host] -= 1
        return unit.ended(UnitStatus.UNCHANGED)

    monkeypatch.setattr("deployer.fleet.rollout.done", done)
    report = Fleet.load("assistants.yaml").run(environ={"KEY": "k"})
    assert report.data["counts"] == {"unchanged": 12, "left": 0}
    assert (max(host for host, _ in most), max(all_ for _, all_ in most)) == (2, 4)


def test_the_report_fits_its_schema(four: Project) -> None:
    broken(four, "west")
    for words in (("validate",), ("plan",), ("apply", "--yes", "--max-failures", "3"), ("drift",)):
        told = json.loads(four.run(*words, "--fleet", "--format", "json").out)
        assert misfit("fleet.schema.json", told) is None


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (("plan", "--where", "a=b"), "--where, --max-parallel, --max-failures and --resume go with --fleet"),
        (("plan", "--fleet", "--where", "a"), "--where a: write it as --where LABEL=VALUE"),
        (
            ("plan", "--fleet", "--account", "tenant"),
            "--fleet is about the accounts of the fleet's rows; leave out --account",
        ),
        (("plan", "--fleet", "--out", "x.json"), "with --fleet leave out --out, --against and --fail-on"),
        (("drift", "--format", "html"), "--format html goes with --fleet"),
        (
            ("validate", "--fleet", "--format", "sarif"),
            "--format sarif is for one account; with --fleet: text, json, markdown, html",
        ),
        (("plan", "--fleet", "--target", "tutor"), "--target tutor: write it as KIND/NAME"),
        (("apply", "--fleet"), "nobody can confirm here; add --yes to apply without asking"),
    ),
)
def test_what_does_not_go_together_is_said(four: Project, words: tuple[str, ...], said: str) -> None:
    result = four.run(*words)
    assert (result.code, result.err) == (64, f"{said}\n")


def test_a_manifest_without_a_fleet(project: Project) -> None:
    project.manifest("assistants: {a: {model: m}}\n")
    said = "assistants.yaml:1:1: the manifest has no fleet; declare one: fleet: {account: NAME, from: FILE.csv}\n"
    assert (project.run("plan", "--fleet").code, project.run("plan", "--fleet").err) == (1, said)


TESTED = """
tests:
  - {address: assistant/same, turns: [hi], rehearse: [hello there], assert: [{type: contains, value: WORD}]}
"""


@pytest.mark.parametrize(("word", "code", "counts"), (("hello", 0, {"passed": 4}), ("bye", 1, {"failed": 1})))
def test_tests_run_on_each_account(four: Project, word: str, code: int, counts: dict[str, int]) -> None:
    four.manifest(MANIFEST.replace("api: agents", "api: assistants") + TESTED.replace("WORD", word))
    assert four.run("apply", "--fleet", "--yes").code == 0
    result = four.run("test", "--fleet", "--format", "json")
    told = result.json()
    assert (result.code, told["counts"]) == (code, {**counts, "left": 4 - sum(counts.values())})
    assert misfit("fleet.schema.json", told) is None
    assert not code or "1 test: 0 passed, 1 failed" in told["failures"][0]["why"]
    assert four.run("test", "--fleet", "--retries", "1").code == 64
