"""deployer functions: everything about function schemas, also without a manifest."""

import click

from deployer.commands.verbs import Verbs

COMMANDS = {
    "check": "Check function schemas, in files and folders.",
    "fix": "Make a function strict without changing what it means.",
    "compare": "Tell what a change of a function means for its handler.",
    "from-python": "Make a function definition from a typed Python callable.",
}


@click.command("functions", cls=Verbs, table=COMMANDS, package=__name__)
def command() -> None:
    """Check, fix, compare and make function schemas.

    \b
    Example:
      deployer functions check functions/
      deployer functions compare old.yaml new.yaml
    """
