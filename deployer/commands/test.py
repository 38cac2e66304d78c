"""deployer test: run the conversation tests of the manifest."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.commands import fleets
from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, format_option, project_options
from deployer.errors import EXIT_DONE, EXIT_FAILED, UsageError
from deployer.render import formats
from deployer.render.lines import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer.project import Project
    from deployer.project.testing import JudgeSettings, TestOptions
    from deployer.testing.verdict import TestReport


def test_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add how tests are run; the command gets what returns them as `tests`: not each that could run tests does."""

    @functools.wraps(function)
    def command(  # noqa: PLR0913 (one for each option)
        *,
        tags: tuple[str, ...],
        concurrency: int,
        repeat: int,
        retries: int,
        handlers: bool,
        handler_timeout: float,
        judge: str,
        judge_model: str,
        judge_embeddings: str,
        judge_key_env: str,
        allow_python: bool,
        script: Path | None,
        **others: Any,
    ) -> Any:
        @functools.cache
        def tests() -> TestOptions:
            from deployer.project.testing import TestOptions

            return TestOptions(
                tags=tags,
                concurrency=concurrency,
                repeat=repeat,
                retries=retries,
                handler_seconds=handler_timeout if handlers else 0.0,
                judge=_judge(judge, judge_model, judge_embeddings, judge_key_env),
                allow_python=allow_python,
                answers=_script(script) if script else None,
            )

        return function(tests=tests, **others)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only tests with this tag. (repeatable)"),
    click.option("--concurrency", type=click.IntRange(1, 256), default=4, help="Conversations at a time. [4]"),
    click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="How often each test is run. [1]"),
    click.option(
        "--retries", type=click.IntRange(0, 100), default=0, help="How often more one that does not pass. [0]"
    ),
    click.option(
        "--handlers", is_flag=True, help="Import the handlers of the manifest, and let them answer functions."
    ),
    click.option(
        "--handler-timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=60.0,
        metavar="SECONDS",
        help="How long a handler may take. [60]",
    ),
    click.option(
        "--judge", default="", metavar="URL", help="Who judges llm-rubric and similar: an endpoint of chat completions."
    ),
    click.option("--judge-model", default="", metavar="MODEL", help="The model that is asked there."),
    click.option(
        "--judge-embeddings", default="", metavar="MODEL", help="The model that compares texts. [--judge-model]"
    ),
    click.option(
        "--judge-key-env", default="", metavar="NAME", help="The environment variable with the key of the judge."
    ),
    click.option("--allow-python", is_flag=True, help="Run the code of python assertions."),
    click.option(
        "--script",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="What the embedded account answers where a test has no rehearse: a script.",
    ),
)


def _judge(url: str, model: str, embeddings: str, key_env: str) -> JudgeSettings | None:
    from deployer.project.testing import JudgeSettings

    if not url:
        if model or embeddings or key_env:
            raise UsageError("--judge-model, --judge-embeddings and --judge-key-env need --judge URL")
        return None
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--judge {url}: write it with http:// or https://")
    if not model:
        raise UsageError("--judge needs --judge-model: the model that is asked there")
    if key_env and not os.environ.get(key_env):
        raise UsageError(f"--judge-key-env {key_env}: this environment variable is not set")
    return JudgeSettings(url, model, os.environ.get(key_env, "none") if key_env else "none", embeddings)


def _script(path: Path) -> Any:
    from deployer.commands.serve import read_answers

    return read_answers(path)


@click.command("test")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@project_options
@test_options
@click.option("--record", is_flag=True, help="Write what the model says into the tests that pass, as rehearse:.")
@fleets.fleet_options()
@format_option("tests", "fleet")
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    addresses: tuple[str, ...],
    tests: Callable[[], TestOptions],
    record: bool,
    fleet: fleets.FleetChoice,
    form: str,
) -> int:
    """Run the conversation tests of the manifest (tests:) on an account, all or those of some addresses.

    On the embedded account nothing but the rehearsal of each test answers, so it always goes alike. Each test is a
    conversation of its own, which is deleted at its end. Exit code 1 when a test failed, could not be run, or a policy
    of coverage is not kept. See docs/tests.md.

    \b
    Example:
      deployer test
      deployer test assistant/math-tutor --tag smoke --handlers
      deployer test --account openai --retries 2 --format junit > tests.xml
      deployer test --account openai --record
      deployer test --fleet --where tier=canary   # on each account of the manifest's fleet
    """
    from dataclasses import replace

    if fleet:
        return _on_fleet(fleet, choice, addresses, plainly=tests() == _usual() and not record, form=form)
    if form not in formats.names("tests"):
        raise UsageError(f"--format {form} goes with --fleet")
    project = choice.load()
    if record and project.manifest.settings.base_url is None:
        raise UsageError("--record needs an account with a model (--account); the embedded one only rehearses")
    report = project.test(replace(tests(), addresses=addresses), on_event=tell)
    formats.write("tests", form, report.to_dict())
    if record:
        _record(project, report)
    return EXIT_DONE if report.ok else EXIT_FAILED


def _usual() -> TestOptions:
    from deployer.project.testing import TestOptions

    return TestOptions()


def _on_fleet(
    fleet: fleets.FleetChoice, choice: ProjectChoice, addresses: tuple[str, ...], *, plainly: bool, form: str
) -> int:
    """Run the tests on each account; how they are run cannot be chosen there."""
    from deployer.project import PlanOptions

    if not plainly:
        raise UsageError("with --fleet name addresses at most; leave out how tests are run, and --record")
    return fleets.read(fleet, choice, "test", fleets.aimed(PlanOptions(), addresses), form, exit_code=False)


def _record(project: Project, report: TestReport) -> None:
    """Write what was said, and say where."""
    from deployer.project.recording import recorded

    written, told = recorded(project.manifest, report.results)
    for line in [*told, *(f"recorded in {name}" for name in written)]:
        click.echo(plain_text(line), err=True)
