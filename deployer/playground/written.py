"""A conversation in writing: as a transcript, and as a test that says the same again.

A test talks to one assistant, so a conversation with several becomes one test for each. What the model said becomes
`rehearse:`, answer by answer: a search, code and calls each end an answer, because the model is asked again after them.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from deployer import json_text
from deployer.conversation import FunctionAnswered, FunctionCall, Happening, MessageSaid, StepDone, Transcript
from deployer.errors import DeployerError
from deployer.playground.talks import ConversationTurn, OpenConversation
from deployer.playground.talks import step as step_shown

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
    answers = [_simple(answer) for one in turns for answer in _answers(one)]
    cited = list(dict.fromkeys(source.source for one in turns for said in one.messages for source in said.citations))
    asserts: list[dict[str, Any]] = [{"type": "contains", "value": one} for one in expected]
    asserts += [{"type": "cites", "value": cited}] if cited else []
    told = {"description": name, "address": address, "rehearse": answers, "turns": [_said(one) for one in turns]}
    return told | ({"assert": asserts} if asserts else {})


def _said(turn: ConversationTurn) -> dict[str, Any]:
    calls = [_expected(one) for one in turn.happenings if isinstance(one, FunctionAnswered)]
    return {"user": _text(turn.text)} | ({"calls": calls} if calls else {})


def _expected(one: FunctionAnswered) -> dict[str, Any]:
    return {"name": one.call.name, "args": _json(one.call.arguments), "output": _json(one.answer.output)}


def _json(text: str) -> Any:
    try:
        return json_text.loads(text or "{}")
    except ValueError:
        return text


def _answers(turn: ConversationTurn) -> Iterator[list[dict[str, Any]]]:
    """Yield what the model said each time that it was asked, as parts of a script."""
    parts: list[dict[str, Any]] = []
    for one in turn.happenings:
        if isinstance(one, FunctionAnswered) and parts:
            yield parts
            parts = []
        parts += _parts(one, turn)
        if isinstance(one, StepDone) and parts:
            yield parts
            parts = []
    if parts:
        yield parts


def _parts(one: Happening, turn: ConversationTurn) -> list[dict[str, Any]]:
    if isinstance(one, MessageSaid) and one.role != "user":
        return [{"text": _text(_marked(one))}]
    if isinstance(one, FunctionCall):
        return [{"call": one.name, "arguments": _json(one.arguments)}]
    if not isinstance(one, StepDone):
        return []
    told = step_shown(one, {})
    if one.kind == "file_search":
        return [{"search": told["queries"] or turn.text}]
    if one.kind == "code_interpreter":
        logs = [{"logs": row["logs"]} for row in told["outputs"] if row.get("logs")]
        return [{"code": _text(told["code"])} | ({"outputs": logs} if logs else {})]
    return []


def _marked(said: MessageSaid) -> str:
    """Return a text in which sources stand as a script writes them."""
    text = said.text
    for one in said.citations:
        name = one.source.rpartition("/")[2]
        shown = f"[{one.source}]"
        text = text.replace(shown, f"【{name}】") if shown in text else f"{text}【{name}】"
    return text


def _simple(parts: Sequence[Mapping[str, Any]]) -> Any:
    """Return an answer as people write it: a text, a part, or a list of parts."""
    if len(parts) > 1:
        return list(parts)
    return parts[0]["text"] if list(parts[0]) == ["text"] else parts[0]


def _text(text: str) -> str:
    return LiteralScalarString(text) if "\n" in text and not text.startswith(" ") else text


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


def write(root: Path, name: str, text: str) -> str:
    """Write a test beside the manifest, and return its path there."""
    path = place(root, name)
    if path.parent.is_symlink():
        raise DeployerError(f"{FOLDER} leads out of the manifest's folder; make it a folder")
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return f"{FOLDER}/{path.name}"
