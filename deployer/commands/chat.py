"""deployer chat: talk to an assistant that is deployed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, project_options
from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.render.lines import plain_text

if TYPE_CHECKING:
    from deployer.conversation import Happening, Transcript
    from deployer.conversation.answers import Answers

_LONGEST = 2_000


@click.command("chat")
@click.argument("address")
@project_options
@click.option("--thread", default="", metavar="ID", help="Go on with a conversation.")
@click.option("--handlers", is_flag=True, help="Import the handlers of the manifest, and let them answer functions.")
@click.option(
    "--handler-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    help="How long a handler may take. [60]",
)
@click.option(
    "--answers",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Outputs of functions: a name → its output, or a list of outputs in order.",
)
@click.option(
    "--script", type=click.Path(path_type=Path), metavar="FILE", help="What the embedded account answers: a script."
)
@click.option("--steps", is_flag=True, help="Also show searches, and code with its output.")
@click.option(
    "--transcript",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the conversation is written: as JSON where the name ends in .json, else as Markdown.",
)
def command(  # noqa: PLR0913 (one argument for each option)
    *,
    choice: ProjectChoice,
    address: str,
    thread: str,
    handlers: bool,
    handler_timeout: float,
    answers: Path | None,
    script: Path | None,
    steps: bool,
    transcript: Path | None,
) -> int:
    """Talk to an assistant that is deployed, until the input ends.

    Each line of the input is a message. A function that is called is answered by --handlers, by --answers, or on a
    terminal by a form; else it fails, and the turn goes on. Exit code 1 when a turn was not completed.

    \b
    Example:
      deployer chat assistant/math-tutor
      echo "3x + 11 = 14?" | deployer chat assistant/math-tutor --steps
      deployer chat assistant/math-tutor --answers answers.yaml --transcript quiz.md
    """
    project, show = choice.load(), _Shown(steps, thread)
    options: dict[str, Any] = {
        "answers": _sources(answers),
        "handler_seconds": handler_timeout if handlers else 0.0,
        "server_answers": script_of(project.manifest.settings.base_url or "", script) if script else None,
        "on_happening": show,
        "on_event": tell,
    }
    try:
        for text in _messages():
            asyncio.run(project.achat(address, text, thread=show.thread, **options))
            _keep(transcript, show.transcript(address))
    finally:  # whatever ends it, what was said is kept, and there is a way on
        if show.happened:
            _keep(transcript, show.transcript(address))
            who = [*(("--handlers",) if handlers else ()), *_files(answers=answers, script=script)]
            click.echo(f"go on with: {choice.command('chat', address, *who, '--thread', show.thread)}", err=True)
    if not show.happened:
        raise DeployerError("there is nothing to say: the input is empty")
    return EXIT_DONE if show.transcript(address).ok else EXIT_FAILED


def _files(**options: Path | None) -> Iterator[str]:
    """Yield the options that name a file, as they are written on a command line."""
    for name, file in options.items():
        if file:
            yield from (f"--{name}", str(file))


def _messages() -> Iterator[str]:
    """Yield what a person says, line by line; empty lines say nothing."""
    asked = sys.stdin.isatty()
    while True:
        if asked:
            click.echo("> ", nl=False, err=True)
        try:
            line = sys.stdin.readline()
        except UnicodeDecodeError as error:
            raise DeployerError(f"the input is not UTF-8 text ({error.reason}); convert it first") from None
        if not line:
            return
        if line.strip():
            yield line.strip()


def _sources(path: Path | None) -> Sequence[Answers]:
    from deployer.conversation import by_form, from_outputs

    found = [from_outputs(_outputs(path))] if path else []
    return [*found, by_form(_ask)] if sys.stdin.isatty() else found


def _outputs(path: Path) -> Mapping[str, Any]:
    from deployer.manifest.document import read
    from deployer.model import Problem, ProblemsFound

    found = read(path, str(path))
    if isinstance(found, Problem):
        raise ProblemsFound([found])
    if not isinstance(found.data, dict):
        raise ProblemsFound([Problem("these are no answers", "write a function's name: its output", str(path))])
    return found.data


def script_of(url: str, path: Path) -> Any:
    from deployer.commands.serve import read_answers

    if url.startswith(("http://", "https://")):
        raise click.UsageError("--script is for the embedded account: over HTTP, the server has its own")
    return read_answers(path)


def _ask(text: str, choices: Sequence[str]) -> str:
    """Show a question, and return the answer: of choices, by number or in their own words."""
    click.echo(plain_text(f"\n  {text}"), err=True)
    for number, one in enumerate(choices, 1):
        click.echo(plain_text(f"    {number}) {one}"), err=True)
    while True:
        click.echo("  answer: ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        given = line.strip()
        if choices and given.isdecimal() and 1 <= int(given) <= len(choices):
            return choices[int(given) - 1]  # first: a choice may be a number in its own words
        if not choices or given in choices:
            return given
        click.echo(f"  choose a number from 1 to {len(choices)}", err=True)


class _Shown:
    """Shows and keeps what happens: the answer on standard output, everything else on standard error."""

    def __init__(self, steps: bool, thread: str) -> None:  # noqa: FBT001
        self._steps, self.thread = steps, thread
        self.happened: list[Happening] = []
        self._half = ""

    def transcript(self, address: str) -> Transcript:
        """Return the conversation so far, with what is half said."""
        from deployer.conversation import MessageSaid, Transcript, TurnEnded

        half: tuple[Happening, ...] = ()
        if self._half:
            half = (MessageSaid("assistant", self._half), TurnEnded("interrupted"))
        return Transcript(address, self.thread, (*self.happened, *half))

    def __call__(self, one: Happening) -> None:
        from deployer.conversation import ConversationNamed

        if isinstance(one, ConversationNamed):
            self.thread = one.thread
            return
        self.happened.append(one)
        self._show(one)

    def _show(self, one: Happening) -> None:
        from deployer.conversation import FunctionAnswered, FunctionCall, MessageSaid, StepDone, TextPiece, TurnEnded

        match one:
            case TextPiece():
                click.echo(plain_text(one.text), nl=False)
                sys.stdout.flush()
                self._half += one.text
            case MessageSaid(role="assistant"):
                click.echo("" if self._half else plain_text(one.text))
                self._half = ""
                for citation in one.citations:
                    click.echo(plain_text(f"  source: {citation.source}"))
            case StepDone() if self._steps:
                _aside(f"{one.kind}: {json.dumps(dict(one.data), ensure_ascii=False)}")
            case FunctionCall():
                _aside(f"calls {one.name} {one.arguments}")
            case FunctionAnswered():
                _aside(one.answer.failure or f"{one.call.name} answered {one.answer.output}")
            case TurnEnded(ok=False):
                _aside(f"the turn ended as {one.status}{f': {one.reason}' if one.reason else ''}")


def _aside(text: str) -> None:
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    click.echo(plain_text(f"  · {cut}"), err=True)


def _keep(path: Path | None, whole: Transcript) -> None:
    if path is None:
        return
    as_json = json.dumps(whole.to_dict(), ensure_ascii=False, indent=2) + "\n"
    path.write_text(as_json if path.suffix == ".json" else whole.markdown(), encoding="utf-8")
