"""The literal table of output formats: what is shown, in which format, by which function.

A renderer is a function `(value, to: Streams)` of a module of this package, which is loaded when it is first used: so
`validate` never pays for what draws on terminals. A new format is a module and a row of the table.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from deployer.errors import DeployerError
from deployer.model import Begun, Outcome, Plan, Problem, ProblemsFound, Target
from deployer.render.output import Streams

FORMATS: Mapping[str, Mapping[str, str]] = {
    "plan": {"text": "text.plan", "json": "data.plan", "markdown": "markdown.plan", "html": "html.plan"},
    "drift": {"text": "text.drift", "json": "data.drift", "markdown": "markdown.drift"},
    "outcomes": {"text": "text.outcomes", "json": "data.outcomes", "markdown": "markdown.outcomes"},
    "problems": {
        "text": "problems.text",
        "json": "data.problems",
        "sarif": "problems.sarif",
        "github": "problems.github",
        "junit": "problems.junit",
        "markdown": "markdown.problems",
    },
    "fleet": {
        "text": "fleets.text",
        "json": "data.whole",
        "markdown": "fleets.markdown",
        "html": "fleets.html",
    },
    "files": {"text": "text.files", "json": "data.files"},
    "provenance": {"text": "data.told", "json": "data.whole"},
    "diagnosis": {"text": "data.abilities", "json": "data.diagnosis"},
    "tests": {
        "text": "tests.text",
        "json": "tests.json_",
        "junit": "tests.junit",
        "html": "tests.html",
        "markdown": "tests.markdown",
    },
    "outputs": {"text": "data.columns", "json": "data.outputs", "env": "data.environment"},
}
"""For each subject its formats, the default first. Values: `Plan` of a plan and of drift, `Applied` of outcomes,
`Findings` of problems, `FoundFiles` of files, JSON data of a
fleet, of provenance, of a diagnosis and of tests, a mapping from `Address` to live id of outputs."""

Renderer = Callable[[Any, Streams], None]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found; `checked` says what was looked at (`3 functions`), `evidence` whether to show why."""

    problems: Sequence[Problem]
    checked: str
    evidence: bool = False

    @classmethod
    def of(cls, error: DeployerError) -> Findings:
        """Return what kept a command from its result: the problems of the error, or the error as one."""
        return cls(error.problems if isinstance(error, ProblemsFound) else [Problem(str(error), "")], "")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """An uploaded file that nothing refers to: its size in bytes, its age in seconds, and why it is known as owned."""

    id: str
    name: str
    size: int
    created: int
    age: float
    why: str


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """Such files of a project on an account, and whether they were deleted."""

    project: str
    target: Target
    files: Sequence[FoundFile]
    deleted: bool


class Published(Protocol):
    """What has a published form."""

    def to_dict(self) -> dict[str, Any]: ...


class Undone(Published, Protocol):
    """What became of taking a run back."""

    @property
    def status(self) -> str: ...
    @property
    def outcomes(self) -> Sequence[Outcome]: ...


class Applied(Protocol):
    """What became of a plan, None where none could be made: `status` in a word, `why` in a sentence where it needs one.

    `left` is the plan that was made afterwards to prove it, None where none was made. `snapshot` is the name under
    which the state before is kept. `tests` and `taken_back` are of a run that was tested.
    """

    @property
    def plan(self) -> Plan | None: ...
    @property
    def status(self) -> str: ...
    @property
    def outcomes(self) -> Sequence[Outcome]: ...
    @property
    def begun(self) -> Sequence[Begun]: ...
    @property
    def why(self) -> str: ...
    @property
    def snapshot(self) -> str | None: ...
    @property
    def left(self) -> Plan | None: ...
    @property
    def tests(self) -> Published | None: ...
    @property
    def taken_back(self) -> Undone | None: ...


def names(subject: str) -> tuple[str, ...]:
    """Return the formats of a subject, the default first."""
    return tuple(FORMATS[subject])


def renderer(subject: str, form: str) -> Renderer:
    """Return the function that writes the subject in the format."""
    module, _, function = FORMATS[subject][form].partition(".")
    found: Renderer = getattr(import_module(f"deployer.render.{module}"), function)
    return found


def write(subject: str, form: str, value: Any, to: Streams | None = None) -> None:
    """Write a value in a format, to the standard streams unless others are given."""
    renderer(subject, form)(value, to or Streams.standard())


def rendered(subject: str, form: str, value: Any) -> str:
    """Return what `write` would write, without colours."""
    out = io.StringIO()
    write(subject, form, value, Streams(out, out))
    return out.getvalue()
