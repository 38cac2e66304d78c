"""Conversation tests: what they cost on the embedded account, how many go at a time, and what a kill leaves behind.

    python -m benchmarks.tests                       # all of it (the kills take most of an hour)
    python -m benchmarks.tests --each=7 --many=100   # every seventh request, a hundred conversations upstream

The upstream is a server of its own that takes 200 ms for each answer. A deploy that is tested is killed at every
request, before and after the account acted, and the same command is given again: the account is then exactly as it
would be undisturbed.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from benchmarks.figure import Figure, told
from deployer import Project
from deployer.project.declared_tests import declared
from tests.server.processes import served as process
from tests.support.killed import AFTER, BEFORE, Door, served
from tests.support.tested_deploys import BACK, BOTH, CANARY, FAILS, PASSES, Deploys
from tests.support.tool import tool

HERE, MANY, TURNS, AT_ONCE, TAKES = 100, 1_000, 4, 16, 0.2
SHAPES = Path(__file__).parents[1] / "tests" / "testing" / "promptfoo.yaml"
KILLED = ((BACK, FAILS), (BACK, PASSES), (CANARY, FAILS), (CANARY, PASSES), (BOTH, PASSES))
ROWS = [(api, *row) for api in ("assistants", "responses") for row in KILLED]


def main(arguments: Sequence[str]) -> int:
    given = {name: int(value) for name, _, value in (one.removeprefix("--").partition("=") for one in arguments)}
    many = given.get("many", MANY)
    return told([_cost(), _upstream(many), *_shapes(), *_kills(given.get("each", 1))])


def _manifest(folder: Path, account: str, number: int, rehearsal: str) -> None:
    head = [
        f"{{version: 1, project: bench, accounts: {{it: {account}}}, assistants: {{helper: {{model: m}}}}, tests: ["
    ]
    said = ", ".join(["again"] * (TURNS - 1))
    rows = [
        f"  {{turns: [hello {one}, {said}], {rehearsal} assert: [{{type: contains, value: good}}]}},"
        for one in range(number)
    ]
    (folder / "assistants.yaml").write_text("\n".join([*head, *rows, "]}"]) + "\n", encoding="utf-8")


def _run(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deployer", *words, "--account", "it"],
        cwd=folder,
        env={**_environment(), "KEY": "any"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def _cost() -> Figure:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _manifest(folder, "{api: assistants}", HERE, f"rehearse: [{', '.join(['good'] * TURNS)}],")
        _run(folder, "apply", "--yes")
        before = _children()
        _run(folder, "test")
        return Figure(f"{HERE} conversations of {TURNS} turns, embedded: CPU", _children() - before, 6, " s")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _upstream(many: int) -> Figure:
    answer = {"times": "any", "answers": [[{"delay": TAKES}, {"text": "good"}]]}
    with tempfile.TemporaryDirectory() as name, process(Path(name) / "account", answer) as server:
        folder = Path(name)
        account = f"{{api: assistants, base_url: '{server.base_url}', api_key: '${{env.KEY}}', list_lag: 0}}"
        _manifest(folder, account, many, "")
        _run(folder, "apply", "--yes")
        since = time.monotonic()
        _run(folder, "test", "--concurrency", str(AT_ONCE))
        took, least = time.monotonic() - since, many * TURNS * TAKES / AT_ONCE
        return Figure(f"{many} conversations, {AT_ONCE} at a time, beside the least possible", took / least, 1.3)


def _shapes() -> list[Figure]:
    shapes = yaml.safe_load(SHAPES.read_text(encoding="utf-8"))
    wrong = 0
    for shape in shapes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file, text in {**shape.get("files", {}), "config.yaml": yaml.safe_dump(shape["config"])}.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(text, encoding="utf-8")
            entry = {"file": "config.yaml", **{key: shape[key] for key in ("address", "providers") if key in shape}}
            manifest = {"version": 1, "project": "p", "assistants": {one: {"model": "m"} for one in ("one", "two")}}
            (folder / "assistants.yaml").write_text(yaml.safe_dump({**manifest, "tests": [entry]}), encoding="utf-8")
            cases, problems = declared(Project.load(folder / "assistants.yaml").manifest)
            wrong += bool(problems) or len(cases) != shape["tests"]
    return [
        Figure("configurations of Promptfoo that are read", len(shapes), 20, at_least=True),
        Figure("configurations of which something is neither run nor named", wrong, 0),
    ]


def _kills(each: int) -> Iterator[Figure]:
    kills, failed = 0, 0
    with tool() as started:
        for api, words, text in ROWS:
            door = Door()
            with tempfile.TemporaryDirectory() as name, served(door) as base_url:
                deploys = Deploys(started, door, Path(name), api, base_url, words, text)
                _, after, requests = deploys.prepare()
                at = [(one, way) for one in range(1, requests + 1, each) for way in (BEFORE, AFTER)]
                found = [flaws for one, way in at if (flaws := deploys.flaws(one, way, after))]
            kills, failed = kills + len(at), failed + len(found)
            print(f"{api}: {' '.join(words[2:-2])}, tests {text}: {len(at)} kills, {len(found)} failures", flush=True)
            for flaws in found:
                print("\n".join(f"    {one}" for one in flaws), flush=True)
    print(f"{kills} runs killed")
    yield Figure("kills of a deploy that is tested after which something was left", failed, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
