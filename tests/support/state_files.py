"""A project with every file that a run leaves behind; each of them damaged, and the command that reads it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from deployer import cache
from deployer.apply.journal import Journal
from deployer.backends import embedded
from deployer.manifest import digests
from deployer.model import AccountSettings
from tests.support.mutations import mutated
from tests.support.project import Project, Result
from tests.support.rollback import snapshots, write_new, write_old

PLAN = "plan.json"
JOURNAL = cache.FOLDER / "journal.jsonl"
BUNDLES = "bundles"
_BUNDLES = """
version: 1
project: bundled
accounts: {bundles: {api: responses}}
assistants:
  tutor: {model: m, name: Tutor, instructions: Be brief., tools: [{type: function, file: f.yaml}]}
  plain: {model: m, metadata: {team: a}}
"""
_FUNCTION = (
    "name: f\ndescription: Does it\nparameters: {type: object, properties: {a: {type: string, description: A}}}\n"
)


@dataclass(frozen=True)
class StateFiles:
    """The project, and what its files hold when they are sound."""

    project: Project
    sound: Mapping[Path, bytes]

    def trial(self, chance: Random) -> tuple[str, Result]:
        """Damage one file and run a command that reads it, which writes nothing; return what was done, and its end."""
        path = chance.choice(sorted(self.sound))
        damaged = _damaged(chance, path, self.sound[path])
        command = chance.choice(self.commands(path))
        path.write_bytes(damaged)
        return f"{path.name}: {' '.join(command)}: {damaged!r}", self.run(command)

    def run(self, command: tuple[str, ...]) -> Result:
        """Run a command, and make all files sound again."""
        try:
            with contextlib.chdir(self.project.root):
                return self.project.run(*command)
        finally:
            for path, content in self.sound.items():
                path.write_bytes(content)

    def commands(self, path: Path) -> tuple[tuple[str, ...], ...]:
        if path.name == PLAN:
            return (("apply", "--plan", PLAN), ("show", PLAN))  # nobody can confirm here, so nothing is applied
        if path.parent.name == "snapshots":
            return (("rollback", "--list"), ("rollback",), ("rollback", path.stem), ("gc",))
        if path.parent.name == BUNDLES:
            where = ("-f", f"{BUNDLES}.yaml", "--account", BUNDLES)
            return tuple((*command, *where) for command in (("plan", "--prune"), ("drift",), ("outputs",)))
        return (("plan", "--prune"), ("gc",))


def flaw(result: Result) -> str:
    """Return what is wrong with how a command ended; "" when it ended with a sentence, or did what it had to."""
    text = result.out + result.err
    wrong = {
        f"exit {result.code}": result.code not in (0, 1, 64),
        "a traceback": "Traceback" in text,
        "control characters": any(one in text for one in "\x00\x1b\u202e\ud800"),
        "nothing was said": not text.strip(),
    }
    return ", ".join(what for what, is_so in wrong.items() if is_so)


def state_files(root: Path) -> StateFiles:
    """Let a project go through two runs and be killed in a third; it works on its embedded account."""
    project = Project(root)
    root.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(root):
        write_old(project)
        _run(project, "apply", "--yes")
        write_new(project)
        _run(project, "apply", "--yes", "--prune")
        write_old(project)
        _run(project, "plan", "--out", PLAN)
        journal = Journal.of(root, AccountSettings("embedded", "assistants", embedded.URL), "test")
        journal.send("file-one", "0" * 64)
        journal.release(["file-two", "file-three"])
        journal.delete("file-three")
        cursors = {"/assistants": ["asst_1"], "/vector_stores": ["vs_1", "vs_2"]}
        cache.save(root / cache.FOLDER, "cursors", {embedded.URL: cursors})
        documents = [
            path.relative_to(root).as_posix() for path in root.rglob("[ad]*/*.*") if ".deployer" not in path.parts
        ]
        known = {one: f"{'0' * 64} {digests._identity((root / one).stat())}" for one in documents}
        cache.save(root / cache.FOLDER, digests.NAME, {"version": digests._VERSION, "files": known})
        project.write(f"{BUNDLES}.yaml", _BUNDLES)
        project.write("f.yaml", _FUNCTION)
        _run(project, "apply", "--yes", "-f", f"{BUNDLES}.yaml", "--account", BUNDLES)
    kept = [path for path in snapshots(project) if "bundled" not in path.name]
    bundles = (root / BUNDLES).rglob("*.json")
    files = [root / PLAN, *kept, *(root / cache.FOLDER).glob("*.json*"), *bundles]
    return StateFiles(project, {path: path.read_bytes() for path in files})


def _run(project: Project, *arguments: str) -> None:
    result = project.run(*arguments)
    assert result.code == 0, result.out + result.err


def _damaged(chance: Random, path: Path, content: bytes) -> bytes:
    if path.suffix != ".jsonl":
        return mutated(chance, content)
    lines = content.splitlines()
    place = chance.randrange(len(lines))
    lines[place] = json.dumps(json.loads(lines[place])).encode()
    lines[place] = mutated(chance, lines[place])
    return b"\n".join(lines) + (b"\n" if chance.random() < 0.8 else b"")
