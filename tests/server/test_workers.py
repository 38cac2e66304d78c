"""Several processes over one folder: one address, one account, conversations from any of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI

from deployer.commands.serve import command
from tests.server.support import until


@contextmanager
def serving(folder: Path, workers: int, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = [sys.executable, "-m", "deployer", "serve", "--port", "0", "--data", str(folder), "--workers", str(workers)]
    words += more
    with subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        line = process.stdout.readline()
        try:
            yield process, line.split(" is at ")[1].split(" ")[0]
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def children(process: subprocess.Popen[str]) -> list[int]:
    """Those that are there, whichever thread started them, in the order of their starts."""
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return sorted(int(one) for task in tasks for one in (task / "children").read_text().split())


def ended(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def created(base_url: str, number: int) -> str:
    """By a connection of its own, so that any of the processes may get it."""
    answer = httpx2.post(f"{base_url}/assistants", json={"model": "m", "name": f"{number}"}, trust_env=False)
    assert answer.status_code == 200
    return str(answer.json()["id"])


def listed(base_url: str) -> set[str]:
    answer = httpx2.get(f"{base_url}/assistants", params={"limit": 100}, trust_env=False).json()
    return {one["id"] for one in answer["data"]}


def version(base_url: str) -> str:
    """Make a version of an agent of Foundry, always the same one."""
    place, body = f"{base_url.removesuffix('/v1')}/api/projects/p", {"definition": {"kind": "prompt", "model": "m"}}
    url = f"{place}/agents/a/versions?api-version=v1"
    return str(httpx2.post(url, json=body, trust_env=False).json()["version"])


def conversation(base_url: str) -> None:
    """Each request by a connection of its own; the run is streamed to whoever asked for it."""
    for _ in range(4):
        with httpx2.Client(trust_env=False) as http:
            client = OpenAI(base_url=base_url, api_key="any", http_client=http, max_retries=0)
            answer = client.responses.create(model="m", input="Hello", stream=True)
            events = [event.type for event in answer]
        assert (events[0], events[-1]) == ("response.created", "response.completed")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not tell the children of a process")
def test_several_processes_are_one_account_and_none_of_them_is_missed(tmp_path: Path) -> None:
    with serving(tmp_path, 3, "--foundry-dedupe", "all") as (process, base_url):
        started = children(process)
        assert len(started) == 2
        with ThreadPoolExecutor(8) as pool:
            made = set(pool.map(lambda number: created(base_url, number), range(24)))
        assert listed(base_url) == made
        assert {version(base_url) for _ in range(6)} == {"1"}, "every process is told the switches"
        for place in (base_url, base_url.replace("/v1", "/api/projects/p/openai/v1")):
            conversation(place)
        os.kill(started[0], signal.SIGKILL)
        until(lambda: len(set(children(process)) - {started[0]}) == 2)
        assert started[1] in children(process)
        time.sleep(0.1)
        assert listed(base_url) == made
    assert all(map(ended, started))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not tell the children of a process")
def test_where_the_first_process_is_killed_the_others_end(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "deployer", "serve", "--port", "0", "--data", str(tmp_path), "--workers", "2"]
    with subprocess.Popen(words, text=True, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            (other,) = children(process)
        finally:
            process.kill()
        until(lambda: ended(other))


@pytest.mark.parametrize("words", (("--faults", "f.yaml"), ("--log", "-")))
def test_what_counts_or_prints_is_of_one_process(words: tuple[str, ...]) -> None:
    with pytest.raises(Exception, match="process"):
        command.main(["--workers", "2", *words], standalone_mode=False)
