"""A rehearsal: what answers where no model is. It plays a script; where that has nothing, it says what it was given.

Everything follows from the question, so that a conversation can be repeated. Functions are called only when they must
be, with an example of their parameters; files are searched where there are some, and the best passages are quoted.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from deployer.server.runs import answers, script
from deployer.server.runs.answers import Answerer, AnswerError, Part, Question, pieces
from deployer.server.runs.instances import smallest_instance
from deployer.server.runs.script import Script, as_pieces
from deployer.server.runs.turn import Usage
from deployer.server.storage.objects import new_id
from deployer.server.wire import Json

_STEM = re.compile(r"_(preview|use_preview|20\d\d).*$")  # of a tool's type: what is not in those of its items
_MOST_CALLS = 10_000
_MOST_QUOTED = 3
_QUOTE_CHARACTERS = 400
_FIRST_SEARCH = 4  # the number that markers of a first search bear in every recording


class _ScriptPlace(NamedTuple):
    """One answer of one entry of a script."""

    entry: int
    answer: int


class Rehearsal(Answerer):
    """Answers by a script, and without one by what it was given; never by a model."""

    def __init__(self, played: Script | None = None) -> None:
        self._script = played or Script()
        self._lock = threading.Lock()
        self._times: Counter[int] = Counter()
        self._called: dict[str, _ScriptPlace] = {}

    def plays(self, tool: str) -> bool:
        """Whether the script has an item of the tool: `web_search_preview` makes `web_search_call`, for example."""
        return any(item["type"].startswith(_STEM.sub("", tool)) for item in self._script.items)

    async def answer(self, question: Question) -> AsyncGenerator[Part, None]:
        place, new = self._place(question)
        if place is not None and new:
            yield answers.Memory({"entry": place.entry, "answer": place.answer})
        if place is not None and (planned := self._planned(place)) is not None:
            async for part in self._played(place, planned, question):
                yield part
            return
        for part in _unscripted(question):
            yield part
            await asyncio.sleep(0)  # others answer at the same time

    def _planned(self, place: _ScriptPlace) -> tuple[Json, ...] | None:
        """Return the answer at a place, if the script has one there."""
        turns = self._script.turns
        planned = turns[place.entry].answers if place.entry < len(turns) else ()
        return planned[place.answer] if place.answer < len(planned) else None

    def _place(self, question: Question) -> tuple[_ScriptPlace | None, bool]:
        """Return which answer of the script comes now, and whether the turn begins with it."""
        memory, asked = question.turn.memory, question.turn.answers
        if asked:
            entry, first = memory.get("entry"), memory.get("answer", 0)
            return _ScriptPlace(entry, first + asked) if isinstance(entry, int) else None, False
        with self._lock:
            going_on = self._called.get(_last_answered(question)) or _noted_place(question)
            if going_on is not None and self._planned(going_on) is not None:
                return going_on, True
            for index, entry in enumerate(self._script.turns):
                if (entry.times is None or self._times[index] < entry.times) and entry.fits(question):
                    self._times[index] += 1
                    return _ScriptPlace(index, 0), True
        return None, False

    async def _played(
        self, place: _ScriptPlace, parts: tuple[Json, ...], question: Question
    ) -> AsyncGenerator[Part, None]:
        said, pace = False, self._script.turns[place.entry].pace
        for planned in parts:
            if "delay" in planned:
                await asyncio.sleep(planned["delay"])
                continue
            if said and "text" in planned:
                yield answers.End()  # two texts are two messages
            said = "text" in planned or (said and "usage" in planned)
            for part in self._parts(planned, question):
                await asyncio.sleep(pace)
                yield self._noted(part, place)

    def _noted(self, part: Part, place: _ScriptPlace) -> Part:
        """Note in a call what comes after its output: where calls end a turn, the next turn begins with that.

        The note is kept here too, for clients that bring the call along instead of referring to it.
        """
        if not isinstance(part, answers.Call):
            return part
        after = place._replace(answer=place.answer + 1)
        with self._lock:
            self._called[str(part.call_id)] = after
            while len(self._called) > _MOST_CALLS:
                del self._called[next(iter(self._called))]
        return replace(part, note=after._asdict())

    def _parts(self, planned: Json, question: Question) -> Iterator[Part]:
        kind = next(kind for kind in script.PARTS if kind in planned)
        value = planned[kind]
        match kind:
            case "text":
                yield from list(_cited(as_pieces(value, _around_markers), question)) or [answers.Text()]
            case "refusal":
                yield from map(answers.Refusal, as_pieces(value, pieces))
            case "call":
                yield answers.Call(value, planned.get("id") or new_id("call_"))
                yield from map(answers.Arguments, as_pieces(planned.get("arguments", {}), pieces))
            case "search":
                queries = tuple(value) if isinstance(value, list) else (value,)
                results = planned.get("results")
                yield answers.Search(queries, None if results is None else tuple(map(_result, results)))
            case "code":
                yield from map(answers.Code, as_pieces(value, pieces))
                yield answers.CodeOutputs(tuple(map(self._output, planned.get("outputs", ()))))
            case _:
                yield _other(kind, value)

    def _output(self, planned: Json) -> Json:
        if "logs" in planned:
            return {"type": "logs", "logs": planned["logs"]}
        if "file_id" in planned:
            return {"type": "image", "file_id": planned["file_id"]}
        path = self._script.folder / planned["image"]
        return {"type": "image", "filename": path.name, "content": path.read_bytes()}


def _last_answered(question: Question) -> str:
    """Return the id of the call whose output came last, or ""."""
    last = question.items[-1] if question.items else {"type": ""}
    return str(last["call_id"]) if last["type"] == "function_call_output" else ""


def _noted_place(question: Question) -> _ScriptPlace | None:
    """Return the place that is noted in the call whose output came last."""
    call_id = _last_answered(question)
    notes = (
        item.get("note") for item in question.items if item["type"] == "function_call" and item["call_id"] == call_id
    )
    return next((_ScriptPlace(**note) for note in notes if note), None)


def _other(kind: str, value: Any) -> Part:
    match kind:
        case "reasoning":
            texts = value if isinstance(value, list) else [value]
            return answers.Whole("reasoning", {"summary": [{"type": "summary_text", "text": text} for text in texts]})
        case "item":
            return answers.Whole(
                value["type"], {name: one for name, one in value.items() if name not in ("type", "id")}
            )
        case "stop":
            return answers.EarlyEnd(value)
        case "usage":
            return answers.Used(Usage(**value))
        case _:
            raise AnswerError(value.get("code", "server_error"), value["message"])


def _result(planned: Json) -> Json:
    """Return a result of a search as a script gives it."""
    return {
        "file_id": planned.get("file_id", "file-scripted"),
        "filename": planned["file"],
        "score": planned.get("score", 1.0),
        "text": planned["text"],
        "attributes": planned.get("attributes", {}),
    }


def _around_markers(text: str) -> list[str]:
    """Return a text in pieces that leave its markers whole."""
    found, end = [], 0
    for marker in script.MARKER.finditer(text):
        found += [*pieces(text[end : marker.start()]), marker.group()]
        end = marker.end()
    return [*found, *pieces(text[end:])]


def _cited(texts: list[str], question: Question) -> Iterator[Part]:
    """Yield pieces of a text; a marker 【name】 of a file that was found becomes a citation."""
    for text in texts:
        end = 0
        for marker in script.MARKER.finditer(text):
            citation = _citation(marker.group(3), question, marker.group(2))
            if citation is None:
                continue
            if marker.start() > end:
                yield answers.Text(text[end : marker.start()])
            yield answers.Text(citation=citation)
            end = marker.end()
        if end < len(text):
            yield answers.Text(text[end:])


def _citation(filename: str, question: Question, number: str | None) -> Json | None:
    """Return the citation of a result with this file name (and number), in the newest search that has one."""
    for place, search in reversed(list(enumerate(question.searches))):
        for index, result in enumerate(search["results"]):
            if result["filename"] == filename and number in (None, str(index)):
                return citation(result, place, index)
    return None


def citation(result: Json, place: int, number: int) -> Json:
    """Return the citation of a result: of the search at a place among the turn's, and of the result's number there."""
    return {
        "file_id": result["file_id"],
        "filename": result["filename"],
        "round": _FIRST_SEARCH + place,
        "number": number,
    }


# ---- without a script


def _unscripted(question: Question) -> Iterator[Part]:
    ask = question.turn.ask
    last = question.items[-1] if question.items else {"type": ""}
    if last["type"] != "function_call_output" and not question.searches:
        if function := _forced(question):
            yield answers.Call(function["name"])
            arguments = smallest_instance(function.get("parameters") or {})
            yield from map(answers.Arguments, pieces(json.dumps(arguments or {}, ensure_ascii=False)))
            return
        if ask.tool_choice != "none" and (tool := ask.tool("file_search")) and tool.get("vector_store_ids"):
            yield answers.Search((question.last_words or ask.instructions,))
            return
    if ask.text_format["type"] == "text":
        yield from _account(question)
    else:
        instance = smallest_instance(ask.text_format.get("schema") or {"type": "object"})
        yield from map(answers.Text, pieces(json.dumps(instance, ensure_ascii=False)))


def _forced(question: Question) -> Json | None:
    """Return the function that must be called: the one that is named, or the first where some tool must be."""
    ask = question.turn.ask
    if isinstance(ask.tool_choice, dict) and ask.tool_choice["type"] == "function":
        return ask.function(ask.tool_choice["name"])
    must = ask.tool_choice == "required"
    return ask.tool("function") if must else None


def _account(question: Question) -> Iterator[Part]:
    """Say what the turn was given, and quote what was found."""
    yield from _said(f"No model answers here: this is a rehearsal of {question.turn.ask.model}. ")
    if outputs := _outputs(question):
        yield from _said(" ".join(f"{name} returned {output}." for name, output in outputs))
    elif question.searches:
        yield from _quoted(question)
    else:
        yield from _said(f"It was asked: “{_short(question.last_words)}”.{_equipment(question)}")


def _said(text: str) -> Iterator[Part]:
    return map(answers.Text, pieces(text))


def _outputs(question: Question) -> list[tuple[str, str]]:
    calls = {item["call_id"]: item["name"] for item in question.items if item["type"] == "function_call"}
    given = [item for item in question.own if item["type"] == "function_call_output"]
    return [(calls.get(item["call_id"], "a function"), _short(str(item["output"]))) for item in given]


def _quoted(question: Question) -> Iterator[Part]:
    place, search = len(question.searches) - 1, question.searches[-1]
    results = search["results"][:_MOST_QUOTED]
    if not results:
        yield from _said(f"The files hold nothing on “{_short(' '.join(search['queries']))}”.")
        return
    yield from _said("The files say:")
    for number, result in enumerate(results):
        yield from _said(f" “{_short(result['text'])}”")
        yield answers.Text(citation=citation(result, place, number))
        yield answers.Text(".")


def _equipment(question: Question) -> str:
    ask = question.turn.ask
    names = ", ".join(str(tool.get("name", tool["type"])) for tool in ask.tools)
    given = [f"instructions of {len(ask.instructions)} characters"] if ask.instructions else []
    given += [f"the tools {names}"] if names else []
    return f" It was given {' and '.join(given)}." if given else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUOTE_CHARACTERS else text[:_QUOTE_CHARACTERS] + "…"
