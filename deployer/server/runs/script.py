"""A script for a rehearsal: which turns it plays, and what each answer consists of (`schemas/script.schema.json`)."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.server.flaws import COUNT, SECONDS, TEXT, Flaw, FlawedError, Rule, is_number, one_of, unknown_key
from deployer.server.runs.answers import Question
from deployer.server.wire import Json

STOPS = ("max_output_tokens", "content_filter")
FAILURES = ("server_error", "rate_limit_exceeded", "invalid_prompt")


class ScriptError(FlawedError):
    """A script that cannot be read, with all its flaws."""


@dataclass(frozen=True)
class ScriptTurn:
    """One entry: when it is played, how often (None: always), the seconds between its pieces, and its answers.

    An answer is a sequence of parts, each a mapping as it stands in the script.
    """

    when: Json
    times: int | None
    pace: float
    answers: tuple[tuple[Json, ...], ...]

    def fits(self, question: Question) -> bool:
        return all(_CONDITIONS[name](str(value), question) for name, value in self.when.items())


@dataclass(frozen=True)
class Script:
    """What a rehearsal plays; images are read from `folder`."""

    turns: tuple[ScriptTurn, ...] = ()
    folder: Path = Path()

    @property
    def items(self) -> list[Json]:
        """The items of the Responses API that it plays as they stand there."""
        parts = (part for turn in self.turns for answer in turn.answers for part in answer)
        return [part["item"] for part in parts if "item" in part]


def _answered(name: str, question: Question) -> bool:
    """Whether the last thing that came is the output of a function of this name."""
    last = question.items[-1] if question.items else {"type": ""}
    if last["type"] != "function_call_output":
        return False
    calls = {item["call_id"]: item["name"] for item in question.items if item["type"] == "function_call"}
    return calls.get(last["call_id"]) == name


_CONDITIONS: dict[str, Callable[[str, Question], bool]] = {
    "name": lambda value, question: question.turn.ask.name == value,
    "model": lambda value, question: fnmatch.fnmatchcase(question.turn.ask.model, value),
    "instructions": lambda value, question: value.lower() in question.turn.ask.instructions.lower(),
    "message": lambda value, question: value.lower() in question.last_words.lower(),
    "output_of": _answered,
}


def _texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _object(*required: str, **rules: Rule) -> Rule:
    def holds(value: Any) -> bool:
        if not isinstance(value, dict) or not set(required) <= set(value):
            return False
        return all(name in rules and rules[name][0](one) for name, one in value.items())

    return holds, f"must be a mapping with {', '.join(rules)}"


def _list_of(*rules: Rule) -> Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, list) and all(any(rule[0](one) for rule in rules) for one in value)

    return holds, f"must be a list, and each entry {' or '.join(rule[1] for rule in rules)}"


_TEXTS: Rule = (_texts, "must be text, or a list of texts: its pieces")
_SCORE: Rule = ((lambda value: is_number(value, 0, 1)), "must be a number between 0 and 1")
_TOKENS: Rule = ((lambda value: isinstance(value, int) and value >= 0), "must be a whole number")
_MAPPING: Rule = ((lambda value: isinstance(value, dict)), "must be a mapping")
_ARGUMENTS: Rule = ((lambda value: isinstance(value, dict) or _texts(value)), "must be a mapping, or the text of one")
_ITEM: Rule = (
    (lambda value: isinstance(value, dict) and isinstance(value.get("type"), str)),
    "must be an item of the Responses API with its type",
)
_RESULTS = _list_of(
    _object("file", "text", file=TEXT, text=TEXT, score=_SCORE, file_id=TEXT, attributes=_MAPPING),
)
_OUTPUTS = _list_of(_object("logs", logs=TEXT), _object("image", image=TEXT), _object("file_id", file_id=TEXT))
_USAGE = _object(input=_TOKENS, output=_TOKENS, cached=_TOKENS, reasoning=_TOKENS)
_FAIL = _object("message", message=TEXT, code=one_of(*FAILURES))

# The key that says what a part is, with the rules of the keys that it may have.
PARTS: dict[str, dict[str, Rule]] = {
    "text": {"text": _TEXTS},
    "refusal": {"refusal": _TEXTS},
    "call": {"call": TEXT, "arguments": _ARGUMENTS, "id": TEXT},
    "search": {"search": _TEXTS, "results": _RESULTS},
    "code": {"code": _TEXTS, "outputs": _OUTPUTS},
    "reasoning": {"reasoning": _TEXTS},
    "item": {"item": _ITEM},
    "fail": {"fail": _FAIL},
    "stop": {"stop": one_of(*STOPS)},
    "usage": {"usage": _USAGE},
    "delay": {"delay": SECONDS},
}
_TIMES: Rule = ((lambda value: value == "any" or COUNT[0](value)), "must be a whole number, 1 or more, or any")
_WHEN = _object(**dict.fromkeys(_CONDITIONS, TEXT))
_TURN: dict[str, Rule] = {"when": _WHEN, "times": _TIMES, "pace": SECONDS, "answers": ((lambda _: True), "")}
_TOP = ("version", "pace", "turns")


def read_script(data: Any, folder: Path = Path()) -> Script:
    """Read a script from plain data; ScriptError has all that is wrong."""
    flaws = list(_flaws(data, folder))
    if flaws:
        raise ScriptError(flaws)
    pace = float(data.get("pace", 0))
    return Script(tuple(_turn(entry, pace) for entry in data["turns"]), folder)


def _turn(entry: Json, pace: float) -> ScriptTurn:
    times = entry.get("times", 1)
    answers = tuple(tuple(one) if isinstance(one, list) else (one,) for one in entry["answers"])
    return ScriptTurn(entry.get("when", {}), None if times == "any" else times, entry.get("pace", pace), answers)


def _flaws(data: Any, folder: Path) -> Iterator[Flaw]:
    if not isinstance(data, dict):
        yield Flaw((), "a script must be a mapping with the keys version and turns")
        return
    yield from (unknown_key((), key, _TOP) for key in data if key not in _TOP)
    if data.get("version") != 1:
        yield Flaw(("version",) if "version" in data else (), "version must be 1")
    if not SECONDS[0](data.get("pace", 0)):
        yield Flaw(("pace",), f"pace {SECONDS[1]}")
    if not isinstance(data.get("turns"), list):
        yield Flaw(("turns",) if "turns" in data else (), "turns must be a list")
        return
    for index, entry in enumerate(data["turns"]):
        yield from _turn_flaws(("turns", index), entry, folder)


def _turn_flaws(path: tuple[str | int, ...], entry: Any, folder: Path) -> Iterator[Flaw]:
    if not isinstance(entry, dict):
        yield Flaw(path, "a turn must be a mapping with answers")
        return
    yield from _key_flaws(path, entry, _TURN)
    answers = entry.get("answers")
    if not isinstance(answers, list) or not answers:
        yield Flaw((*path, "answers") if "answers" in entry else path, "answers must be a list of one or more")
        return
    for index, answer in enumerate(answers):
        place = (*path, "answers", index)
        for number, part in enumerate(answer) if isinstance(answer, list) else [(None, answer)]:
            yield from _part_flaws(place if number is None else (*place, number), part, folder)


def _part_flaws(path: tuple[str | int, ...], part: Any, folder: Path) -> Iterator[Flaw]:
    kinds = [kind for kind in PARTS if isinstance(part, dict) and kind in part]
    if len(kinds) != 1:
        yield Flaw(path, f"a part must have one of {', '.join(PARTS)}")
        return
    yield from _key_flaws(path, part, PARTS[kinds[0]])
    for index, output in enumerate(part.get("outputs") or ()):
        if isinstance(output, dict) and "image" in output and not (folder / str(output["image"])).is_file():
            yield Flaw((*path, "outputs", index, "image"), f"there is no file {output['image']} beside the script")


def _key_flaws(path: tuple[str | int, ...], entry: Mapping[Any, Any], rules: Mapping[str, Rule]) -> Iterator[Flaw]:
    for key, value in entry.items():
        if key not in rules:
            yield unknown_key(path, key, rules)
        elif not rules[key][0](value):
            yield Flaw((*path, key), f"{key} {rules[key][1]}")


def as_pieces(value: Any, cut: Callable[[str], Sequence[str]]) -> list[str]:
    """Return a text in its pieces: those that the script gives, else as `cut` makes them."""
    if isinstance(value, list):
        return value
    return list(cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


MARKER = re.compile(r"【(?:(\d+):(\d+)†)?([^】]+)】")
