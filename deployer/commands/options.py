"""The options that commands share: which project, how a plan is made, in which format something is printed."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from deployer.commands.completion import accounts, addresses
from deployer.errors import DeployerError, UsageError
from deployer.model import OnDrift
from deployer.render import formats
from deployer.wording import listed

if TYPE_CHECKING:
    from deployer.project import PlanOptions, Project

Function = TypeVar("Function", bound=Callable[..., Any])
MANIFEST = Path("assistants.yaml")
VARIABLE = "DEPLOYER_ACCOUNT"
_SHOWN = 3
MODEL_SHUTDOWN = "model-shutdown"
_GATES = {
    "breaking": "when a function changes in a way that breaks its handler",
    "conflict": "when somebody edited what would be changed",
    "delete": "when an object or a document goes",
}


@dataclass(frozen=True, slots=True)
class ProjectChoice:
    """Which manifest and which account a command is about, as its options say."""

    file: Path
    account: str | None
    variables: Mapping[str, str]
    files: Sequence[Path] = ()
    environment: Path | None = None

    def load(self) -> Project:
        """Return the project; ProblemsFound when the manifest is wrong."""
        from deployer.project import Project

        return Project.load(self.file, account=self.account, variables=self.values(), environ=self.environ())

    def values(self) -> dict[str, Any]:
        """Return what --var-file and --var say; ProblemsFound for a file that is no mapping of variables."""
        from deployer.project import variables_of

        found: dict[str, Any] = {}
        for file in self.files:
            found |= variables_of(file)
        return found | dict(self.variables)

    def environ(self) -> Mapping[str, str]:
        """Return the environment, with what --env-file says where it says nothing itself."""
        from deployer.project import environment_of

        return {**environment_of(self.environment), **os.environ} if self.environment else os.environ

    def command(self, *words: str) -> str:
        """Return a command line about the same project, to be pasted into a shell."""
        file = [] if self.file == MANIFEST else ["-f", str(self.file)]
        account = ["--account", self.account] if self.account else []
        variables = [word for name, value in self.variables.items() for word in ("--var", f"{name}={value}")]
        files = [word for one in self.files for word in ("--var-file", str(one))]
        environment = ["--env-file", str(self.environment)] if self.environment else []
        return shlex.join([*called(), *words, *file, *account, *files, *variables, *environment])


def called() -> list[str]:
    """Return how the tool was called: `-C DIR` is part of every command that is to be pasted."""
    context = click.get_current_context(silent=True)
    folder = context.find_root().params.get("folder") if context else None
    return ["deployer", "-C", folder] if folder else ["deployer"]


def project_options(function: Function) -> Function:
    """Add what says which project it is about; the command gets it as `choice`."""

    @functools.wraps(function)
    def command(
        *,
        file: Path,
        account: str | None,
        variables: tuple[str, ...],
        var_files: tuple[Path, ...],
        env_file: Path | None,
        **others: Any,
    ) -> Any:
        from deployer.commands.carry_out import tell
        from deployer.project.events import telling

        choice = ProjectChoice(file, account, parsed(variables), var_files, env_file)
        try:
            with telling(tell):
                return function(choice=choice, **others)
        except DeployerError as error:
            error.command = choice.command(*error.run)
            raise

    return _with(
        cast("Function", command),
        click.option(
            "-f",
            "--file",
            type=click.Path(path_type=Path),
            default=MANIFEST,
            metavar="PATH",
            help="The manifest. [assistants.yaml]",
        ),
        account_option("An account of the manifest. [embedded, where it declares none with a base_url]"),
        click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable."),
        click.option(
            "--var-file",
            "var_files",
            multiple=True,
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Set variables from a YAML mapping; --var wins, and the last file.",
        ),
        click.option(
            "--env-file",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Read NAME=VALUE lines for ${env.NAME}; the environment wins. Nothing is read without it.",
        ),
    )


def plan_words(options: PlanOptions) -> list[str]:
    """Return the options with which a plan is made like this one."""
    drift = ["--on-drift", options.on_drift.value] if options.on_drift is not OnDrift.FAIL else []
    targets = [word for one in options.targets for word in ("--target", str(one))]
    flags = {"--prune": options.prune, "--check-files": options.check_files, "--strict-surface": options.strict_surface}
    return [*(name for name, given in flags.items() if given), *drift, *targets]


def account_option(text: str) -> Callable[[Function], Function]:
    return click.option("--account", multiple=True, callback=_named, metavar="NAME", shell_complete=accounts, help=text)


def _named(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> str | None:
    """An empty name is one that somebody meant to give: a variable of a pipeline that is not set."""
    if len(set(given)) > 1:
        raise UsageError(f"--account names {listed(list(given), _SHOWN)}; name one, or run the command for each")
    account = given[0] if given else os.environ.get(VARIABLE)
    if account == "":
        where = "--account" if given else VARIABLE
        raise UsageError(f"{where} is empty; name an account of the manifest, or leave it out")
    return account


def parsed(pairs: tuple[str, ...]) -> Mapping[str, str]:
    """Return the variables of `--var NAME=VALUE`."""
    result = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"--var {pair}: write it as --var NAME=VALUE")
        result[name] = value
    return result


def plan_options(function: Function) -> Function:
    """Add what a plan is made with; the command gets them as `options`, and `targets`."""

    @functools.wraps(function)
    def command(*, prune: bool, on_drift: str, check_files: bool, strict_surface: bool, **others: Any) -> Any:
        from deployer.project import PlanOptions

        options = PlanOptions(prune, OnDrift(on_drift), check_files, strict_surface=strict_surface)
        return function(options=options, **others)

    return _with(
        cast("Function", command),
        click.option("--prune", is_flag=True, help="Also delete what is owned and no longer in the manifest."),
        on_drift_option("What becomes of fields that somebody edited on the account. [fail]"),
        target_option("Only this resource, with what it needs."),
        click.option("--check-files", is_flag=True, help="Also look for documents whose File object is gone."),
        strict_surface_option(),
    )


def strict_surface_option() -> Callable[[Function], Function]:
    return click.option("--strict-surface", is_flag=True, help="What the account's API cannot carry is an error.")


def target_option(text: str) -> Callable[[Function], Function]:
    return click.option(
        "--target", "targets", multiple=True, metavar="ADDRESS", shell_complete=addresses, help=f"{text} (repeatable)"
    )


def on_drift_option(text: str) -> Callable[[Function], Function]:
    return click.option(
        "--on-drift", type=click.Choice([one.value for one in OnDrift]), default=OnDrift.FAIL.value, help=text
    )


@dataclass(frozen=True, slots=True)
class Gates:
    """What else than an error ends a command with 1: words, and the days within which a model must not shut down."""

    words: frozenset[str] = frozenset()
    days: int | None = None

    def models(self, shutdowns: Mapping[Any, tuple[str, date]]) -> tuple[str, ...]:
        """Return a sentence when a model shuts down, or did, within the days that were asked for."""
        from deployer.project import models

        return models.failed(shutdowns, self.days) if self.days is not None else ()


class FailOn(click.ParamType[tuple[str, ...]]):
    """Words and `model-shutdown=DAYS`, separated by commas."""

    name = "what"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        del param, ctx
        return ",".join([*self.words, f"{MODEL_SHUTDOWN}=DAYS"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        found = tuple(value) if isinstance(value, tuple) else tuple(part.strip() for part in str(value).split(","))
        for one in found:
            word, _, days = one.partition("=")
            if one not in self.words and not (word == MODEL_SHUTDOWN and days.isdecimal()):
                self.fail(f"{one!r} is none of {', '.join([*self.words, f'{MODEL_SHUTDOWN}=DAYS'])}", param, ctx)
        return found


def fail_on_option(*words: str) -> Callable[[Function], Function]:
    """Add --fail-on; the command gets `gates`."""
    told = [_GATES[word] for word in words]
    text = f"Exit with 1 also then: {', '.join([*told, 'when a model shuts down within so many days'])}."

    def decorated(function: Function) -> Function:
        @functools.wraps(function)
        def command(*, fail_on: tuple[tuple[str, ...], ...], **others: Any) -> Any:
            found = [one for group in fail_on for one in group]
            days = [int(one.partition("=")[2]) for one in found if one.startswith(MODEL_SHUTDOWN)]
            return function(gates=Gates(frozenset(found), max(days, default=None)), **others)

        option = click.option("--fail-on", type=FailOn(words), multiple=True, help=text)
        return _with(cast("Function", command), option)

    return decorated


def format_option(subject: str, beside: str = "") -> Callable[[Function], Function]:
    """Add --format, with the formats of the table for this subject; the command gets it as `form`.

    `beside` is another subject that the command may show.

    What keeps a command from its result is printed in that format, too: a pipeline reads standard output.
    """
    names = tuple(dict.fromkeys((*formats.names(subject), *(formats.names(beside) if beside else ()))))

    def decorated(function: Function) -> Function:
        @functools.wraps(function)
        def command(*, form: str, **others: Any) -> Any:
            try:
                return function(form=form, **others)
            except UsageError:
                raise
            except DeployerError as error:
                if form != names[0] and form in formats.names("problems") and not error.reported:
                    formats.write("problems", form, formats.Findings.of(error))
                raise

        option = click.option("--format", "form", type=click.Choice(names), default=names[0], help=f"[{names[0]}]")
        return _with(cast("Function", command), option)

    return decorated


rehash_option = click.option("--rehash", is_flag=True, help="Read every document again, whatever the cache knows.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask (needed where no one can answer).")
lock_option = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for another run, where the account has lock: true. [0]",
)


def force_option(*guards: str) -> Callable[[Function], Function]:
    return click.option("--force", multiple=True, type=click.Choice(guards), help="Lift a guard, by its name.")


def _with(command: Function, *options: Callable[[Function], Function]) -> Function:
    """Add options in the order in which the help shows them."""
    for option in reversed(options):
        command = option(command)
    return command
