"""Each example of examples/fleets on this machine: the fleet goes live, and the next plan of all is empty."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fleet.test_rollout import MANIFEST, TABLE
from tests.support.project import Project

EXAMPLES = Path(__file__).parents[2] / "examples" / "fleets"


@pytest.fixture
def two(project: Project) -> Project:
    project.manifest(MANIFEST)
    project.write("tenants.csv", "".join(TABLE.splitlines(keepends=True)[:3]))
    return project


def go(project: Project, name: str, **environ: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), str(project.root / "assistants.yaml"), "apply"]
    done = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_processes(two: Project) -> None:
    assert go(two, "concurrent_futures.py") == "{'done': 2, 'left': 0}\n"
    assert two.run("plan", "--fleet", "--exit-code").code == 0


@pytest.mark.nightly
@pytest.mark.skipif(find_spec("distributed") is None, reason="dask is not installed: pip install distributed")
def test_dask(two: Project) -> None:
    assert go(two, "dask_distributed.py").endswith("{'done': 2, 'left': 0}\n")
    assert two.run("plan", "--fleet", "--exit-code").code == 0


@pytest.mark.nightly
@pytest.mark.skipif(find_spec("celery") is None, reason="celery is not installed: pip install celery")
def test_celery(two: Project) -> None:
    queue = str(two.root / "queue")
    command = [sys.executable, "-m", "celery", "-A", "celery_files", "worker", "--pool", "solo", "-l", "warning"]
    worker = subprocess.Popen(command, cwd=EXAMPLES, env=os.environ | {"FLEET_QUEUE": queue, "C_FORCE_ROOT": "1"})
    try:
        assert go(two, "celery_files.py", FLEET_QUEUE=queue).endswith("{'done': 2, 'left': 0}\n")
    finally:
        worker.terminate()
        worker.wait()
    assert two.run("plan", "--fleet", "--exit-code").code == 0
