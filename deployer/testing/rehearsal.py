"""What a model said in a conversation → what a test rehearses: the answers in order, as parts of a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployer import json_text
from deployer.conversation.happenings import (
    Citation,
    FunctionAnswered,
    FunctionCall,
    Happening,
    MessageSaid,
    StepDone,
    TurnEnded,
)

Part = Mapping[str, Any]
_UNSAID = ("reasoning",)
"""Steps that are no part of an answer."""


def of_conversation(happenings: Sequence[Happening]) -> list[Any]:
    """Return what would rehearse a conversation: an answer ends with a search, code, outputs of functions or a turn."""
    return [_written(answer) for answer in _answers(happenings) if answer]


def _answers(happenings: Sequence[Happening]) -> Iterator[list[Part]]:
    answer, asked = list[Part](), ""
    for one in happenings:
        if isinstance(one, MessageSaid) and one.role == "user":
            asked = one.text
        elif isinstance(one, MessageSaid):
            kind = "refusal" if one.refusal else "text"
            answer.append({kind: _marked(one.text, one.citations)})
        elif isinstance(one, FunctionCall):
            answer.append({"call": one.name, "arguments": _arguments(one.arguments)})
        elif isinstance(one, StepDone) and one.kind not in _UNSAID:
            yield [*answer, _step(one, asked)]
            answer = []
        elif isinstance(one, FunctionAnswered | TurnEnded):
            yield answer
            answer = []
    yield answer


def _arguments(text: str) -> Any:
    try:
        return json_text.loads(text or "{}")
    except ValueError:
        return text


def _marked(text: str, citations: Sequence[Citation]) -> str:
    """Return a text in which sources stand as a script cites them: by the name of the file."""
    for one in citations:
        marker, name = f"[{one.source}]", one.source.rpartition("/")[2]
        text = text.replace(marker, f"【{name}】") if marker in text else f"{text}【{name}】"
    return text


def _step(one: StepDone, asked: str) -> Part:
    data = one.data
    if one.kind == "file_search":
        return {"search": list(data.get("queries") or [asked])}
    if one.kind == "code_interpreter":
        outputs = [{"logs": str(out["logs"])} for out in data.get("outputs") or () if "logs" in out]
        code = str(data.get("code") or data.get("input") or "")
        return {"code": code, **({"outputs": outputs} if outputs else {})}
    return {"item": {name: value for name, value in data.items() if name not in ("id", "status")}}


def _written(answer: list[Part]) -> Any:
    """Return an answer as people write it: a text alone is one."""
    if len(answer) == 1:
        only = answer[0]
        return only["text"] if set(only) == {"text"} else dict(only)
    return [dict(part) for part in answer]
