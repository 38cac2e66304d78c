"""What can answer: the port between a turn and a model, or what stands in for one.

A turn asks for one answer at a time. An answer is a stream of parts; parts of one kind that follow each other belong
to one item. Searching files and running code are the account's part, not the model's: a `Search` without results is
carried out by the loop, which then asks for the next answer with what was found among the items.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from deployer.server.runs.turn import Turn, Usage, text_of
from deployer.server.wire import Json

CHARACTERS_PER_TOKEN = 4  # an estimate, as in ingestion: no tokenizer is needed to be useful offline


@dataclass(frozen=True)
class Question:
    """What an answer is wanted to: the turn as it is, every item so far, and those of them that are the turn's own.

    `own` grows while the answer is given: what it has searched for is found there.
    """

    turn: Turn
    items: Sequence[Json]
    own: Sequence[Json]

    @property
    def last_words(self) -> str:
        """What the user said last."""
        said = [item for item in self.items if item["type"] == "message" and item["role"] == "user"]
        return text_of(said[-1]) if said else ""

    @property
    def searches(self) -> list[Json]:
        """The file searches of this turn, with their results."""
        return [item for item in self.own if item["type"] == "file_search_call" and "played" not in item]


@dataclass(frozen=True)
class Text:
    """A piece of a message; a citation stands alone, where it belongs in the text."""

    text: str = ""
    citation: Json | None = None


@dataclass(frozen=True)
class Refusal:
    """A piece of a refusal, which is a message too."""

    text: str


@dataclass(frozen=True)
class Call:
    """The beginning of a function call; `note` is what the answerer wants to find in the call's item later."""

    name: str
    call_id: str | None = None
    note: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Arguments:
    """A piece of the arguments of the function call that has begun."""

    text: str


@dataclass(frozen=True)
class Search:
    """A search in the turn's vector stores; `results` are given where a script plays them."""

    queries: tuple[str, ...]
    results: tuple[Json, ...] | None = None


@dataclass(frozen=True)
class Code:
    """A piece of code for the interpreter, which a script plays; nothing here runs code."""

    text: str


@dataclass(frozen=True)
class CodeOutputs:
    """What the code that was just given put out: `{type: logs, logs}` and `{type: image}`.

    An image has the `file_id` of a file that there is, or its `filename` and `content` (bytes).
    """

    outputs: tuple[Json, ...]


@dataclass(frozen=True)
class Whole:
    """An item of any type that comes as a whole: reasoning, or a hosted tool that a script plays."""

    kind: str
    fields: Json = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """The end of an item: what follows begins another one, even if it is of the same kind."""


@dataclass(frozen=True)
class Used:
    """The tokens of the answer so far, since the last time they were told."""

    usage: Usage


@dataclass(frozen=True)
class EarlyEnd:
    """The answer ends early: `max_output_tokens`, `max_input_tokens` or `content_filter`."""

    reason: str


@dataclass(frozen=True)
class Memory:
    """What the answerer wants to find in the turn when it is asked for the next answer, after a restart too."""

    data: Json


Part = Text | Refusal | Call | Arguments | Search | Code | CodeOutputs | Whole | End | Used | EarlyEnd | Memory


class AnswerError(Exception):
    """There is no answer: a code of the API (`server_error`, `rate_limit_exceeded`, …) and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Answerer:
    """What answers questions. It holds nothing of a turn: what it needs to know stands in the question."""

    def plays(self, tool: str) -> bool:  # noqa: ARG002 (what answers may know the tool)
        """Whether it may answer with a tool that needs the outside world, such as `web_search`."""
        return False

    def answer(self, question: Question) -> AsyncGenerator[Part, None]:
        """Return the next answer; it may raise AnswerError at any point, and is closed when the rest is not wanted."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what is held, in the event loop that answered."""


def tokens(text: str) -> int:
    """Return about how many tokens a text has."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def pieces(text: str) -> list[str]:
    """Return a text in pieces of about a token, for answers that come as a whole."""
    found: list[str] = []
    place = 0
    while place < len(text):
        end = text.find(" ", place + 1)
        end = len(text) if end < 0 else end
        end = min(end, place + 4 * CHARACTERS_PER_TOKEN)
        found.append(text[place:end])
        place = end
    return found
