"""A deploy that is tested, killed at a request, and gone on with by the same command."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from deployer.server import EmbeddedAccount, Rehearsal, read_script
from tests.support.killed import BEFORE, Door
from tests.support.tool import Running, Tool
from tests.support.whole import Whole, whole

HEAD = """
version: 1
project: tested
accounts:
  served: {{api: {api}, base_url: "{base_url}", api_key: "${{env.TOOL_KEY}}", list_lag: 0.5}}
"""
OLD = """
vector_stores:
  docs: {files: ["docs/*.md"]}
  gone: {files: ["gone/*.md"]}
assistants:
  helper:
    model: gpt-6-luna
    instructions: Explain.
    tools: [{type: file_search, vector_stores: [docs]}]
  old: {model: gpt-6-luna}
"""
NEW = """
vector_stores:
  docs: {files: ["docs/*.md"], metadata: {new: pair}}
  fresh: {files: ["fresh/*.md"]}
assistants:
  helper:
    model: gpt-6-luna
    instructions: Explain well.
    tools: [{type: file_search, vector_stores: [docs]}]
  other:
    model: gpt-6-luna
    tools: [{type: file_search, vector_stores: [fresh]}]
tests:
  - address: assistant/helper
    turns: [{user: hello}, {user: again}]
    assert: [{type: contains, value: good}]
  - {address: assistant/other, turns: [hello], assert: [{type: contains, value: good}]}
"""
FILES = {
    "old": {"docs/a.md": "old text\n", "docs/b.md": "same\n", "gone/c.md": "gone\n"},
    "new": {"docs/a.md": "new text\n", "docs/b.md": "same\n", "fresh/d.md": "fresh\n"},
}
FAILS, PASSES = "bad", "good"
BACK = ("apply", "--yes", "--prune", "--test", "--rollback-on-fail", "--account", "served")
CANARY = ("apply", "--yes", "--prune", "--canary", "--account", "served")
BOTH = (*BACK, "--canary")


def answers(text: str) -> Rehearsal:
    """Return what a model would say to everything."""
    script = {"version": 1, "turns": [{"times": "any", "answers": [{"text": text}]}]}
    return Rehearsal(read_script(script))


@dataclass(frozen=True)
class Deploys:
    """One deploy from OLD to NEW, by one command; `text` is what the model says, by which the tests pass or not."""

    tool: Tool
    door: Door
    root: Path
    api: str
    base_url: str
    words: tuple[str, ...]
    text: str

    def prepare(self) -> tuple[Whole, Whole, int]:
        """Deploy OLD, then NEW undisturbed; return what there was, what there is then, and the number of requests."""
        self._write("old", OLD)
        with EmbeddedAccount(self.root / "account", answers=answers(self.text)) as account:
            self.door.reset(account.app)
            code, said = self.tool.run(self.root / "here", "apply", "--yes", "--account", "served")
            assert code == 0, said
            self.door.settle()
            before = whole(account)
        self._write("new", NEW)
        with self._begun("undisturbed") as (here, account):
            code, said = self.tool.run(here, *self.words)
            assert code == (1 if self.text == FAILS else 0), said
            self.door.settle()
            return before, whole(account), self.door.count

    def _write(self, state: str, manifest: str) -> None:
        here = self.root / "here"
        for folder in ("docs", "gone", "fresh"):
            shutil.rmtree(here / folder, ignore_errors=True)
        for name, text in FILES[state].items():
            path = here / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        head = HEAD.format(api=self.api, base_url=self.base_url)
        (here / "assistants.yaml").write_text(head + manifest, encoding="utf-8")
        assert yaml.safe_load(head + manifest)

    @contextmanager
    def _begun(self, name: str) -> Iterator[tuple[Path, EmbeddedAccount]]:
        """Yield a copy of the folder and of the account as they are before NEW is deployed."""
        case = self.root / name
        here = Path(shutil.copytree(self.root / "here", case / "here"))
        shutil.copytree(self.root / "account", case / "account")
        try:
            with EmbeddedAccount(case / "account", answers=answers(self.text)) as account:
                self.door.reset(account.app)
                yield here, account
        finally:
            shutil.rmtree(case)

    def flaws(self, at: int, way: str, wanted: Whole) -> list[str]:
        """Kill at a request, give the same command again, and tell what is not as it would be undisturbed."""
        with self._begun(f"case-{at}-{way}") as (here, account):
            self.door.reset(account.app, at, way)
            running: list[Running] = []
            self.door.strike = lambda: running[0].signal(signal.SIGKILL)
            running.append(self.tool.start(here, *self.words))
            running[0].wait()
            self.door.settle()
            self.door.strike = None
            code, said = self.tool.run(here, *self.words)
            self.door.settle()
            found = whole(account)
            told = [] if code == (1 if self.text == FAILS else 0) else [f"it ended with {code}: {said}"]
            left, expected = Counter(found.told), Counter(wanted.told)
            told += [f"missing: {one}" for one in (expected - left).elements()]
            told += [f"too much: {one}" for one in (left - expected).elements()]
            return [f"killed {way} request {at}: {one}" for one in (*told, *found.twice)]


def spread(requests: int, number: int) -> list[int]:
    """Return so many requests, evenly, always the same ones."""
    return [1 + place * requests // number + requests // number // 2 for place in range(number)]


__all__ = ["BACK", "BEFORE", "BOTH", "CANARY", "FAILS", "PASSES", "Deploys", "spread"]
