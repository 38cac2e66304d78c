"""The library where applications run it: in an event loop, in threads, in processes, many at once."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from deployer import ApplyResult, ApplyStatus, ProblemsFound, Project, ProjectPlan, manifest
from deployer.project import Outputs
from tests.project.folders import ADDRESSES, DOCS, library, several, write

MANY = 50
METHODS = ("plan", "apply", "drift", "outputs", "adopt", "export", "rollback", "destroy", "gc", "unlock")


def separate(projects: list[Project], results: list[ApplyResult]) -> None:
    """Assert that each did all of its own work and none of another's."""
    assert {result.status for result in results} == {ApplyStatus.DONE}
    outputs = [project.outputs() for project in projects]
    assert all(tuple(one.to_dict()) == ADDRESSES for one in outputs)
    assert len({one["assistant/tutor"] for one in outputs}) == len(projects)
    assert [result.plan and result.plan.project for result in results] == [project.name for project in projects]


def test_fifty_projects_in_one_event_loop(tmp_path: Path) -> None:
    projects = several(tmp_path, MANY)

    async def run() -> list[ApplyResult]:
        return await asyncio.gather(*(project.aapply() for project in projects))

    separate(projects, asyncio.run(run()))


@pytest.mark.parametrize("many", (20, pytest.param(MANY, marks=pytest.mark.nightly)))
def test_many_projects_in_threads(tmp_path: Path, many: int) -> None:
    projects = several(tmp_path, many)
    with ThreadPoolExecutor(many) as pool:
        separate(projects, list(pool.map(Project.apply, projects)))


def test_in_a_running_event_loop_the_plain_methods_work_too(tmp_path: Path) -> None:
    async def notebook() -> tuple[ProjectPlan, ApplyResult, Outputs]:
        project = library(tmp_path)
        plan = project.plan()
        return plan, project.apply(plan), await project.aoutputs()

    plan, result, outputs = asyncio.run(notebook())
    assert result.ok
    assert len(outputs.ids) == len(plan.pending) == 2


def test_several_projects_in_one_folder_on_one_account(tmp_path: Path) -> None:
    projects = []
    for number in range(8):
        manifest = write(tmp_path, project=f"p{number}")
        projects.append(Project.load(manifest.rename(tmp_path / f"{number}.yaml")))
    with ThreadPoolExecutor(8) as pool:
        separate(projects, list(pool.map(Project.apply, projects)))
        assert {len(plan.pending) for plan in pool.map(Project.plan, projects * 3)} == {0}


def test_from_processes_that_share_nothing(tmp_path: Path) -> None:
    projects = several(tmp_path, 2)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        plans = list(pool.map(Project.plan, projects))
        assert plans == [project.plan() for project in projects], "a plan is the same wherever it is made"
        results = [pool.submit(one.apply, plan) for one, plan in zip(projects, plans, strict=True)]
        separate(projects, [result.result() for result in results])
        failed = pool.submit(Project.load, write(tmp_path / "wrong", "assistants: {a: {modell: m}}\n"))
        assert isinstance(failed.exception(), ProblemsFound)
        assert "unknown key 'modell'" in str(failed.exception())


def test_every_result_can_be_pickled_and_is_the_same_afterwards(tmp_path: Path) -> None:
    project = library(tmp_path)
    validation, plan, applied = Project.validate(project.file), project.plan(), project.apply()
    results = [
        validation,
        plan,
        applied,
        project,
        project.drift(),
        project.outputs(),
        project.adopt("assistant/tutor", "asst_none"),
        project.gc(older_than=-1.0),
        project.unlock(),
        project.snapshots(),
        project.export(tmp_path / "out"),
        project.rollback(),
        project.destroy(confirm="test"),
    ]
    for result in results:
        assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 (our own)


@pytest.mark.parametrize("name", METHODS)
def test_each_method_stands_twice_with_one_signature(name: str) -> None:
    plain, awaited = getattr(Project, name), getattr(Project, f"a{name}")
    assert inspect.iscoroutinefunction(awaited)
    assert not inspect.iscoroutinefunction(plain)
    assert inspect.signature(plain) == inspect.signature(awaited)
    assert (plain.__name__, plain.__qualname__) == (name, f"Project.{name}")
    assert plain.__doc__ == awaited.__doc__
    assert pickle.loads(pickle.dumps(plain)) is plain  # noqa: S301 (our own)


def test_ctrl_c_while_waiting_ends_the_work_before_it_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The future's own wait is where a signal arrives; the thread of the work is gone when the caller goes on."""
    project, begun = library(tmp_path), threading.Event()

    def interrupted(self: Future[object], timeout: float | None = None) -> object:
        del self, timeout
        assert begun.wait(20)
        raise KeyboardInterrupt

    waits, usual = iter([interrupted]), Future.result

    def result(self: Future[object], timeout: float | None = None) -> object:
        return next(waits, usual)(self, timeout)

    monkeypatch.setattr(Future, "result", result)
    with pytest.raises(KeyboardInterrupt):
        project.apply(on_event=lambda _event: begun.set())
    assert not [one.name for one in threading.enumerate() if one.name.startswith("deployer")]
    assert project.apply().ok


def test_being_cancelled_ends_the_reading_of_documents_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that takes digests ends by itself; the event loop would wait for it."""
    reading, ended = threading.Event(), threading.Event()

    def endless(*_given: object, stop: Callable[[], bool], **_options: object) -> None:
        reading.set()
        while not stop():
            ended.wait(0.001)
        ended.set()

    project = library(tmp_path)
    monkeypatch.setattr(manifest, "digest", endless)

    async def run() -> None:
        work = asyncio.create_task(project.aplan())
        assert await asyncio.to_thread(reading.wait, 20)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(run())
    assert ended.is_set()


def test_a_relative_path_is_resolved_when_the_project_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "here", DOCS)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    project = Project.load()
    assert project.apply().ok
    monkeypatch.chdir(tmp_path / "there")
    assert project.plan().pending == ()
    assert project.apply().status is ApplyStatus.UNCHANGED
    assert not list((tmp_path / "there").iterdir())
