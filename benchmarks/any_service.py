"""The tool against services that are broken, slow, huge, lying, lagging, normalising or forgetting.

Every mode of tests/support/hostile.py: a plan, an apply to an empty account, an apply of changes, a destruction. Each
write runs twice under the mode (once where it is slow), then once against the sound account, which must then hold
exactly what the manifest says. The tool's time goes sixty times faster, and so do its deadlines.

`python -m benchmarks.any_service WORD …` takes the modes with one of these names or kinds, and with `damaged` the
damaged files; `--each=4` every fourth of all. With `--kept=FILE` each result is kept there, and what was tried of the
same sources is not tried again: a whole run can be cut, go on, or be done in parts, and the last one sums them all up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from benchmarks.figure import Figure, told
from deployer.server import EmbeddedAccount, read_faults
from tests.fuzz.test_damaged_documents import WHOLE, try_many
from tests.support.hostile import CALM, MODES, TABLE, Hostile, Mode, hostile
from tests.support.state_files import flaw, state_files
from tests.support.states import State, write
from tests.support.tool import Tool, tool
from tests.support.whole import Whole, whole

SPEED = 60
WORKERS = int(os.environ.get("WORKERS", "2"))
"""Modes beside each other. More than there are cores make the slow ones late."""
MEMORY = 200 * 1024 * 1024
ACCOUNT = ("--account", "served")
APPLY = ("apply", "--yes", "--prune", *ACCOUNT)
PLAN = ("plan", "--prune", "--exit-code", *ACCOUNT)
DESTROY = ("destroy", "--confirm", "journey", *ACCOUNT)
_READ, _WRITE, _SHOWN, _INGESTED, _GRACE = 200.0, 365.0, 120.0, 900.0, 5.0
_SPIN = 0.3
DEADLINES = {"plan": _READ, "apply": 2 * _READ + _WRITE + _SHOWN + _INGESTED, "destroy": 2 * _READ + _WRITE}
"""Seconds: what a command may take by the tool's own deadlines. An account without a good answer is given up after two
minutes and one more attempt, a write has six minutes, what was lost is looked for, ingestion may stand still for
fifteen."""

BEFORE: State = (
    """
vector_stores:
  docs: {name: Docs, files: [docs/*.md]}
assistants:
  tutor:
    name: Tutor
    model: gpt-6-luna
    instructions: Explain in one sentence.
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: function, name: show, description: Shows, parameters: {type: object, properties: {a: {type: string}}}}
  leaving: {name: Leaving, model: gpt-6-luna}
""",
    {"docs/kept.md": "# kept\n", "docs/changed.md": "# before\n"},
)
WANTED: State = (
    """
vector_stores:
  docs: {name: Documents, files: [docs/*.md]}
  more: {name: More, files: [{path: "more/*.md", attributes: {team: blue}}]}
assistants:
  tutor:
    name: Tutor
    model: gpt-6-luna
    instructions: Explain in two sentences.
    temperature: 0.5
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: code_interpreter, files: [data/*.csv]}
  coming: {name: Coming, model: gpt-6-luna, metadata: {team: blue}}
""",
    {"docs/kept.md": "# kept\n", "docs/changed.md": "# after\n", "more/new.md": "# new\n", "data/a.csv": "a,b\n1,2\n"},
)


@dataclass
class Seen:
    """What one mode brought to light; `flaws` are sentences, by what they are against."""

    mode: str
    runs: int = 0
    peak: int = 0
    slowest: float = 0.0
    flaws: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Bench:
    """One worker: a tool, a server, and the accounts that every mode begins with."""

    root: Path
    tool: Tool
    server: Hostile
    told: dict[str, list[str]] = field(default_factory=dict)

    def prepare(self, api: str) -> None:
        """Apply both states to sound accounts."""
        for name, state in (("before", BEFORE), ("wanted", WANTED)):
            folder, account = self.root / api / name, self.root / api / f"account-{name}"
            write(folder, state, api, self.server.base_url)
            code, said, _ = self._run(CALM, account, folder, APPLY)
            assert code == 0, said
            self.told[f"{api} {name}"] = self._whole(account).content
        self.told[f"{api} nothing"] = []

    def tried(self, mode: Mode) -> Seen:
        """Do everything under a mode."""
        seen = Seen(mode.name)
        for start, manifest, command, end in (
            ("before", "wanted", PLAN, ""),
            ("nothing", "wanted", APPLY, "wanted"),
            ("before", "wanted", APPLY, "wanted"),
            ("before", "before", DESTROY, "nothing"),
        ):
            with self._case(mode.api, start, manifest) as (account, folder):
                wanted = self.told[f"{mode.api} {end or start}"]
                self._step(seen, mode, account, folder, command, wanted, writes=bool(end))
        return seen

    def _step(  # noqa: PLR0913, PLR0917 (what a step is)
        self,
        seen: Seen,
        mode: Mode,
        account: Path,
        folder: Path,
        command: Sequence[str],
        wanted: list[str],
        *,
        writes: bool,
    ) -> None:
        was_there = any(account.iterdir())
        for turn in (1, 2) if writes and mode.kind != "slow" else (1,):
            code = self._judged(seen, mode, account, folder, command, f"{turn}. {command[0]}")
            found = self._whole(account)
            hidden = mode.hides and was_there
            seen.flaws += [("duplicates", f"{turn}. {command[0]}: {one}") for one in ([] if hidden else found.twice)]
            if code == 0 and not hidden and (found.content != wanted or not writes):
                seen.flaws.append(("done, but not", f"{turn}. {command[0]} ends with 0; {_differs(found, wanted)}"))
            if not writes and found.content != wanted:
                seen.flaws.append(("done, but not", f"{command[0]} changed the account"))
            if code == 0:
                break
        if writes:
            self._mended(seen, account, folder, command, wanted)

    def _mended(self, seen: Seen, account: Path, folder: Path, command: Sequence[str], wanted: list[str]) -> None:
        """The next run, when all is well again, does what is left; files of nobody are collected."""
        code, said, _ = self._run(CALM, account, folder, command)
        if self._whole(account).unheld:
            self._run(CALM, account, folder, ("gc", "--yes", "--older-than", "0", *ACCOUNT))
        found = self._whole(account)
        if code or found.content != wanted:
            why = f"after that, {command[0]} ends with {code}; {_differs(found, wanted)}; {_line(said)}"
            seen.flaws.append(("not mended", why))

    def _judged(  # noqa: PLR0913, PLR0917 (what a run is)
        self, seen: Seen, mode: Mode, account: Path, folder: Path, command: Sequence[str], name: str
    ) -> int:
        since = time.monotonic()
        code, said, peak = self._run(mode, account, folder, command)
        took = time.monotonic() - since
        seen.runs, seen.peak, seen.slowest = seen.runs + 1, max(seen.peak, peak), max(seen.slowest, took)
        last = _line(said)
        flaws = {
            "tracebacks": "Traceback" in said,
            "exit 3": code not in (0, 1, 2),
            "too late": _is_late(took - DEADLINES[command[0]] / SPEED),
            "memory": peak > MEMORY,
            "elsewhere": self.server.strayed > 0,
        }
        told = f"{name}: exit {code} in {took:.1f} s, {peak / 1024 / 1024:.0f} MB; {last}"
        seen.flaws += [(what, told) for what, flawed in flaws.items() if flawed]
        return code

    def _run(self, mode: Mode, account: Path, folder: Path, command: Sequence[str]) -> tuple[int, str, int]:
        faults = [{"on": "GET /v1/**", "stale": mode.stale / SPEED}] if mode.stale else []
        with EmbeddedAccount(account, faults=read_faults({"seed": 0, "faults": faults})) as sound:
            self.server.become(mode, sound.app)
            running = self.tool.start(folder, *command)
            result = running.ended()
            self.server.become(CALM, sound.app)
            return result

    def _whole(self, account: Path) -> Whole:
        with EmbeddedAccount(account) as sound:
            return whole(sound)

    @contextlib.contextmanager
    def _case(self, api: str, start: str, manifest: str) -> Iterator[tuple[Path, Path]]:
        case = self.root / "case"
        account = case / "account"
        if start == "nothing":
            account.mkdir(parents=True)
        else:
            shutil.copytree(self.root / api / f"account-{start}", account)
        folder = Path(
            shutil.copytree(self.root / api / manifest, case / "here", ignore=shutil.ignore_patterns(".deployer"))
        )
        try:
            yield account, folder
        finally:
            shutil.rmtree(case)


def _is_late(seconds: float) -> bool:
    """Whether a run ended so long after its deadline. The seconds count by how much of a core this process gets."""
    return seconds > _GRACE and seconds > _GRACE * _crowd()


def _crowd() -> float:
    """Return how many seconds pass here for one of CPU."""
    wall, cpu = time.monotonic(), time.process_time()
    while time.process_time() - cpu < _SPIN:
        pass
    return (time.monotonic() - wall) / _SPIN


def _differs(found: Whole, wanted: list[str]) -> str:
    there, needed = Counter(found.content), Counter(wanted)
    missing, more = [*(needed - there).elements()], [*(there - needed).elements()]
    return f"missing {_short(missing)}, too much {_short(more)}"


def _line(said: str) -> str:
    return " ".join(said.split())[-400:]


def _short(texts: Sequence[str]) -> str:
    shown = [text[:60] if text.startswith("file ") else re.sub(r".*(journey/\w+/\w+).*", r"\1", text) for text in texts]
    return f"{len(texts)} {shown[:4]}"


def try_modes(names: Iterable[str]) -> Iterator[Seen]:
    """Try modes by name, and yield what each brought to light."""
    with tempfile.TemporaryDirectory() as root, tool(SPEED) as started, hostile() as server:
        bench = Bench(Path(root), started, server)
        for api in ("assistants", "agents"):
            bench.prepare(api)
        for name in names:
            yield bench.tried(MODES[name])


def try_state_files(seeds: Iterable[str]) -> Iterator[Seen]:
    """Damage a file that a run leaves behind, and run what reads it: for each seed, and those up to the next one."""
    with tempfile.TemporaryDirectory() as root:
        kept = state_files(Path(root) / "project")
        for first in seeds:
            seen = Seen(first)
            for seed in range(int(first), int(first) + EACH_STATE):
                what, result = kept.trial(Random(str(seed)))  # noqa: S311
                seen.runs += 1
                if why := flaw(result):
                    seen.flaws.append((STATE_FILES, f"{why}: {what[:300]}: {_line(result.out + result.err)}"))
            yield seen


def try_documents(names: Iterable[str]) -> Iterator[Seen]:
    """Damage a document of this name so many times; it is read, or refused with a reason."""
    with tempfile.TemporaryDirectory() as root:
        for name in names:
            seen = Seen(name, runs=EACH_DOCUMENT)
            try:
                try_many(Path(root), name, EACH_DOCUMENT)
            except Exception as error:  # noqa: BLE001 (it is what is looked for)
                seen.flaws.append((DOCUMENTS, f"{type(error).__name__}: {error}"))
            yield seen


TRIALS = {"modes": try_modes, "state": try_state_files, "documents": try_documents}


def work(what: str) -> None:
    """Be a worker: print for each name of stdin what comes to light, as a line of JSON, and flaws as they come."""
    logging.disable()  # of accounts that are closed while a request hangs
    for seen in TRIALS[what](line.strip() for line in iter(sys.stdin.readline, "")):
        for sort, said in seen.flaws:
            print(f"{seen.mode}: {sort}: {said}", file=sys.stderr)
        print(json.dumps(asdict(seen)), flush=True)


@dataclass(frozen=True)
class Kept:
    """What was tried of a state of the sources before, in a file of lines: a run goes on where another was cut."""

    path: Path | None
    state: str

    def seen(self, what: str) -> list[Seen]:
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path and self.path.exists() else []
        return [
            Seen(**one["seen"]) for one in map(json.loads, lines) if (one["what"], one["state"]) == (what, self.state)
        ]

    def add(self, what: str, seen: Seen) -> None:
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"what": what, "state": self.state, "seen": asdict(seen)}) + "\n")


def shared(kept: Kept, what: str, names: Sequence[str]) -> list[Seen]:
    """Share names between several processes: each gets the next one when it is ready."""
    seen = [one for one in kept.seen(what) if one.mode in names]
    left = iter([name for name in names if name not in {one.mode for one in seen}])
    lock = threading.Lock()

    def drive() -> None:
        command = [sys.executable, "-m", "benchmarks.any_service", "--work", what]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdin
            assert worker.stdout
            while (name := _next(left, lock)) is not None:
                worker.stdin.write(f"{name}\n")
                worker.stdin.flush()
                one = Seen(**json.loads(worker.stdout.readline()))
                with lock:
                    kept.add(what, one)
                    seen.append(one)

    with ThreadPoolExecutor(WORKERS) as pool:
        for driven in [pool.submit(drive) for _ in range(WORKERS)]:
            driven.result()
    return seen


def _next(names: Iterator[str], lock: threading.Lock) -> str | None:
    with lock:
        return next(names, None)


def _state() -> str:
    """Return what tells the sources that are tried: the commit, and a digest of what differs from it."""
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()
    changed = subprocess.check_output(["git", "diff", "HEAD", "--", "deployer", "tests/support", "benchmarks"])
    return f"{commit}+{hashlib.sha256(changed).hexdigest()[:8]}" if changed else commit


def main(arguments: Sequence[str]) -> int:
    words = [one for one in arguments if not one.startswith("--")]
    options = dict(one.removeprefix("--").split("=", 1) for one in arguments if one not in words)
    path, each = Path(options["kept"]) if "kept" in options else None, int(options.get("each", "1"))
    kept, since = Kept(path, _state()), time.monotonic()
    print(f"state {kept.state}, {WORKERS} modes beside each other", flush=True)
    names = [one.name for one in TABLE if not words or any(word in (one.kind, one.name) for word in words)]
    names = names[::each]
    seen = shared(kept, "modes", names) if names else []
    least = 0 if words else 60 // each
    figures = [*_modes(seen, least), *(_damaged(kept, 20_000 // each) if DAMAGED in words or not words else ())]
    print(f"{time.monotonic() - since:.0f} s")
    return told(figures)


def _modes(seen: Sequence[Seen], least: int) -> Iterator[Figure]:
    if not seen:
        return
    slowest, largest = max(seen, key=lambda one: one.slowest), max(seen, key=lambda one: one.peak)
    print(f"{sum(one.runs for one in seen)} runs; the slowest: {slowest.mode}, {slowest.slowest:.1f} s")
    kinds = Counter(what for one in seen for what, _ in one.flaws)
    yield Figure("hostile modes", len(seen), least, at_least=True)
    yield from (Figure(f"runs: {what}", kinds[what], 0) for what in FLAWS)
    yield Figure(f"peak memory ({largest.mode})", largest.peak / 1024 / 1024, MEMORY / 1024 / 1024, " MB")


def _damaged(kept: Kept, most: int) -> Iterator[Figure]:
    """Take so many of each."""
    state = shared(kept, "state", [f"{first}" for first in range(0, most, EACH_STATE)])
    documents = shared(kept, "documents", list(WHOLE)[: -(-most // EACH_DOCUMENT)])
    for what, seen in ((STATE_FILES, state), (DOCUMENTS, documents)):
        yield Figure(what, sum(one.runs for one in seen), most, at_least=True)
        yield Figure(f"{what}: tracebacks, exit 3", sum(len(one.flaws) for one in seen), 0)


FLAWS = ("tracebacks", "exit 3", "done, but not", "duplicates", "too late", "memory", "elsewhere", "not mended")
STATE_FILES, DOCUMENTS, DAMAGED = "damaged state files", "damaged documents", "damaged"
EACH_STATE = 250
EACH_DOCUMENT = -(-20_000 // len(WHOLE))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
