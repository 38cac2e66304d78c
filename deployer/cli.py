"""The command line: a table of verbs, each loaded only when it is asked for, and the one error boundary."""

from __future__ import annotations

import contextlib
import gc
import sys
from typing import Any

import click

from deployer import __version__
from deployer.commands import interrupts
from deployer.commands.verbs import Verbs, explained
from deployer.errors import EXIT_BUG, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, DeployerError
from deployer.render import output

COMMANDS = {
    "validate": "Check the manifest: everything that can be known offline.",
    "plan": "Show what apply would change on an account.",
    "show": "Show a plan that was saved, in every format.",
    "apply": "Make the account match the manifest.",
    "drift": "Show what somebody edited on the account since the last apply.",
    "adopt": "Take over an object of the account that deployer did not create.",
    "export": "Write a manifest from a live account.",
    "import": "Write a manifest from files: dumps, Terraform state, agents, GPTs, functions.",
    "rollback": "Go back to what was on the account before an apply.",
    "destroy": "Delete everything that the project owns on the account.",
    "gc": "Find uploaded files of this project that are unreferenced.",
    "unlock": "Remove the lease that a run left on the account.",
    "outputs": "Print the live id of every address.",
    "whois": "Say where a live object comes from.",
    "doctor": "Say what an account can do, and what is therefore not done there.",
    "test": "Run the conversation tests of the manifest.",
    "chat": "Talk to an assistant that is deployed.",
    "playground": "Serve a local page to see what is deployed, and to talk to it.",
    "init": "Write a first manifest into a folder.",
    "schema": "Print the JSON Schema of the manifest, for editors.",
    "completion": "Print what makes a shell complete commands, accounts and addresses.",
    "functions": "Check, fix, compare and make function schemas.",
    "github": "Comment plans, apply what was reviewed, report drift: in a GitHub job.",
    "watch": "Keep the account as the manifest says, round after round.",
    "serve": "Serve the embedded account over HTTP.",
}
_FEW_COLLECTIONS = 50_000
"""Objects between two collections: what a command imports and compiles stays to its end, and is a tenth of its time."""


@click.command(
    cls=Verbs, table=COMMANDS, package="deployer.commands", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="deployer")
@click.option(
    "-C",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Do everything as if it were called in this folder.",
)
@click.pass_context
def app(context: click.Context, folder: str | None) -> None:
    """Assistants as code: one YAML manifest in git, made live on an account.

    \b
    Example:
      deployer plan
      deployer apply --yes
      deployer init shop

    Without --account everything happens on the embedded account, in this folder: no key, no network. Where the
    manifest declares an account with a base_url, one must be named (--account, DEPLOYER_ACCOUNT).
    """
    if folder:
        context.with_resource(contextlib.chdir(folder))


def main(arguments: list[str] | None = None) -> None:
    """Run and exit: 0 done, 2 changes (plan --exit-code), 1 expected failure, 3 a bug, 64 usage, 130 interrupted."""
    gc.set_threshold(_FEW_COLLECTIONS)
    output.prepare()
    interrupts.watch()
    code = EXIT_DONE
    try:
        code = run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output is gone: nothing is left to say, and to nobody
        output.silence(sys.stdout)
    except OSError as error:
        output.silence(sys.stdout)
        code = code if code == EXIT_FAILED else _refused(error)
    sys.exit(code)


def run(arguments: list[str] | None) -> int:  # noqa: PLR0911 (one line for each way to end)
    """Run one command and give its exit code; the only place that turns an error into text."""
    try:
        result: Any = app.main(arguments, prog_name="deployer", standalone_mode=False)
    except click.UsageError as error:
        (explained(error, arguments) if isinstance(error, click.NoSuchOption) else error).show()
        return EXIT_USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except DeployerError as error:
        _say(str(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted: nothing more is sent; the same command again does what is left")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        return _refused(error)
    except Exception as error:  # noqa: BLE001 (the one boundary: a bug is told as one, with its trace in a file)
        _say(_bug(error))
        return EXIT_BUG
    return result if isinstance(result, int) else EXIT_DONE


def _say(message: str) -> None:
    from deployer.render.lines import plain_text

    click.echo(plain_text(message), err=True)


def _refused(error: OSError) -> int:
    _say(f"the system refused: {error.strerror or error}" + (f" ({error.filename})" if error.filename else ""))
    return EXIT_FAILED


def _bug(error: Exception) -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="deployer-", suffix=".log", delete=False, encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return f"this is a bug in deployer ({type(error).__name__}); please report it with the trace in {file.name}"
