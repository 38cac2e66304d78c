"""What a conversation showed: the answer, calls of functions, steps, sources, and how long each turn took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer import json_text
from deployer.conversation.happenings import (
    FunctionAnswered,
    FunctionCall,
    Happening,
    MessageSaid,
    StepDone,
    TurnEnded,
)

_REASONS = {"max_output_tokens": "length", "max_tokens": "length", "content_filter": "content_filter"}
_STEPS = {"file_search": "search", "web_search": "search", "code_interpreter": "command", "reasoning": "reasoning"}


@dataclass(frozen=True, slots=True)
class Observation:
    """What happened in some turns of a conversation; `seconds` has how long each took.

    `schemas` are the parameters of the functions that the assistant has, by name.
    """

    happenings: tuple[Happening, ...] = ()
    seconds: tuple[float, ...] = ()
    schemas: Mapping[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """What was said last: the messages since the last message of the user."""
        said: list[str] = []
        for one in self.happenings:
            if isinstance(one, MessageSaid):
                said = [] if one.role == "user" else [*said, one.text]
        return "\n\n".join(said)

    @property
    def refused(self) -> bool:
        """Whether the API itself marked the last message as a refusal."""
        said = [one for one in self.happenings if isinstance(one, MessageSaid) and one.role != "user"]
        return bool(said) and said[-1].refusal

    @property
    def calls(self) -> list[FunctionCall]:
        return [one for one in self.happenings if isinstance(one, FunctionCall)]

    @property
    def failures(self) -> list[str]:
        """What went wrong with answers of functions."""
        return [
            one.answer.failure for one in self.happenings if isinstance(one, FunctionAnswered) and one.answer.failure
        ]

    @property
    def tools(self) -> list[str]:
        """The names of all tools that were used, in order: functions by name, others by their type."""
        return [name for kind, name in self.steps if kind in ("tool", "search", "command")]

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Every step in order: its type, as Promptfoo calls it, and its name."""
        return [found for one in self.happenings for found in _step(one)]

    @property
    def sources(self) -> list[str]:
        """What was cited, each once."""
        said = (one for one in self.happenings if isinstance(one, MessageSaid))
        return list(dict.fromkeys(citation.source for one in said for citation in one.citations))

    @property
    def found(self) -> list[str]:
        """The names of files that searches found, each once."""
        steps = (one for one in self.happenings if isinstance(one, StepDone))
        return list(dict.fromkeys(name for one in steps for name in _filenames(one.data)))

    @property
    def end(self) -> TurnEnded | None:
        """How the last turn ended."""
        return next((one for one in reversed(self.happenings) if isinstance(one, TurnEnded)), None)

    @property
    def finish_reason(self) -> str:
        """Why the last answer ended, in the words of chat completions."""
        if self.end is None:
            return ""
        return "stop" if self.end.ok else _REASONS.get(self.end.reason, self.end.reason or self.end.status)


def arguments(call: FunctionCall) -> Any:
    """Return the arguments of a call; None where they are no JSON."""
    try:
        return json_text.loads(call.arguments or "{}")
    except ValueError:
        return None


def _step(one: Happening) -> Iterator[tuple[str, str]]:
    if isinstance(one, FunctionCall):
        yield "tool", one.name
    elif isinstance(one, StepDone):
        yield _STEPS.get(one.kind, "tool"), one.kind
    elif isinstance(one, MessageSaid) and one.role != "user":
        yield "message", one.role


def _filenames(data: Any) -> Iterator[str]:
    """Find the names of files in what an API shows of a search, whatever its form."""
    if isinstance(data, Mapping):
        name = data.get("filename") or data.get("file_name")
        if isinstance(name, str):
            yield name
        for inner in data.values():
            yield from _filenames(inner)
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes):
        for inner in data:
            yield from _filenames(inner)
