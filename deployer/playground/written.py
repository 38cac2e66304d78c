"""A conversation in writing: as a transcript, and as a test that says the same again.

A test talks to one assistant, so a conversation with several becomes one test for each. What the model said becomes
`rehearse:`, so that the test runs without one.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from deployer import json_text
from deployer.conversation import FunctionAnswered, Transcript
from deployer.errors import DeployerError
from deployer.manifest import edit
from deployer.manifest.document import read, read_text
from deployer.model import Problem, ProblemsFound
from deployer.playground.talks import ConversationTurn, OpenConversation
from deployer.testing import rehearsal

_NAME = re.compile(r"[\w][\w.-]{0,63}")
_QUOTED = 80
FOLDER = "tests"


def transcript(talked: OpenConversation, form: str) -> str:
    """Return what was said, as Markdown or as JSON."""
    parts = [Transcript(one.address, talked.thread, tuple(one.happenings)) for one in talked.turns]
    if form == "json":
        return json.dumps(
            {"thread": talked.thread, "turns": [one.to_dict() for one in parts]}, ensure_ascii=False, indent=2
        )
    names = list(dict.fromkeys(one.address for one in parts))
    bodies = [(f"## {one.address}\n\n" if len(names) > 1 else "") + _body(one) for one in parts]
    return "\n".join([f"# Conversation with {', '.join(names)}\n", f"Thread `{talked.thread}`\n", *bodies])


def _body(one: Transcript) -> str:
    """Return a transcript without its heading and the line that names the thread."""
    return one.markdown().split("\n\n", 2)[-1]


def tests(talked: OpenConversation, name: str, expected: Sequence[str]) -> list[dict[str, Any]]:
    """Return a test for each assistant; `expected` are texts that the last answer of each must contain."""
    found = []
    for address in dict.fromkeys(one.address for one in talked.turns):
        turns = [one for one in talked.turns if one.address == address]
        found.append(_test(address, turns, name, expected if address == talked.turns[-1].address else ()))
    if not found:
        raise DeployerError("nothing has been said yet")
    return found


def _test(address: str, turns: Sequence[ConversationTurn], name: str, expected: Sequence[str]) -> dict[str, Any]:
    answers = rehearsal.of_conversation([one for turn in turns for one in turn.happenings])
    cited = list(dict.fromkeys(source.source for one in turns for said in one.messages for source in said.citations))
    asserts: list[dict[str, Any]] = [{"type": "contains", "value": one} for one in expected]
    asserts += [{"type": "cites", "value": cited}] if cited else []
    told = {
        "description": name,
        "address": address,
        "rehearse": _readable(answers),
        "turns": [_said(one) for one in turns],
    }
    return told | ({"assert": asserts} if asserts else {})


def _said(turn: ConversationTurn) -> dict[str, Any]:
    calls = [_expected(one) for one in turn.happenings if isinstance(one, FunctionAnswered)]
    return {"user": _readable(turn.text)} | ({"calls": calls} if calls else {})


def _expected(one: FunctionAnswered) -> dict[str, Any]:
    return {"name": one.call.name, "args": _json(one.call.arguments), "output": _json(one.answer.output)}


def _json(text: str) -> Any:
    try:
        return json_text.loads(text or "{}")
    except ValueError:
        return text


def _readable(value: Any) -> Any:
    """Return the value with texts of several lines as blocks."""
    if isinstance(value, str):
        return LiteralScalarString(value) if "\n" in value and not value.startswith((" ", "\n")) else value
    if isinstance(value, Mapping):
        return {name: _readable(one) for name, one in value.items()}
    return [_readable(one) for one in value] if isinstance(value, list) else value


def yaml_of(found: Sequence[Mapping[str, Any]]) -> str:
    """Return tests as YAML."""
    writer, out = YAML(), io.StringIO()
    writer.width = 120
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(list(found), out)
    return out.getvalue()


def quoted(talked: OpenConversation) -> str:
    """Return what the last answer is likely to say again: its first line, shortened, without its sources."""
    said = [one for turn in talked.turns for one in turn.messages if one.role != "user"]
    text = re.sub(r"\s*\[[^\]\n]*\]|【[^】\n]*】", "", said[-1].text) if said else ""
    return next((line.strip()[:_QUOTED].strip() for line in text.splitlines() if line.strip()), "")


def place(root: Path, name: str) -> Path:
    """Return where a test of that name goes; DeployerError for what is no name, or there already."""
    if not _NAME.fullmatch(name):
        raise DeployerError("the name of a test has letters, digits, '-', '_' and '.' only, at most 64")
    path = root / FOLDER / f"{name.removesuffix('.yaml')}.yaml"
    if path.exists() or path.is_symlink():
        raise DeployerError(f"{FOLDER}/{path.name} is there already; choose another name")
    return path


def write(file: Path, root: Path, name: str, text: str) -> list[str]:
    """Write a test beside the manifest, which then names it; return the names of the files that were written."""
    path = place(root, name)
    if path.parent.is_symlink():
        raise DeployerError(f"{FOLDER} leads out of the manifest's folder; make it a folder")
    named = naming(file, f"{FOLDER}/{path.name}")
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as one:
        one.write(text)
    if named is not None:
        file.write_text(named, encoding="utf-8")
    return [f"{FOLDER}/{path.name}", *([file.name] if named is not None else [])]


def naming(file: Path, test: str) -> str | None:
    """Return the text of a manifest that names a test, too; None where it does already."""
    text, document = read_text(file, file.name), read(file, file.name)
    if isinstance(text, Problem) or isinstance(document, Problem):
        raise ProblemsFound([one for one in (text, document) if isinstance(one, Problem)])
    told = document.data.get("tests") or []
    known = list(told) if isinstance(told, list) else [told]
    if any(isinstance(one, str) and fnmatchcase(test, one.removeprefix("file://")) for one in known):
        return None
    new = {**document.data, "tests": [*known, test if known else f"{FOLDER}/*.yaml"]}
    return edit.edit(text, document.data, new, is_json=file.suffix == ".json")
