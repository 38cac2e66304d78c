"""deployer validate: everything that can be known offline."""

from __future__ import annotations

import click

from deployer.commands import fleets
from deployer.commands.carry_out import tell
from deployer.commands.options import (
    Gates,
    ProjectChoice,
    fail_on_option,
    format_option,
    project_options,
    strict_surface_option,
)
from deployer.errors import EXIT_DONE, EXIT_FAILED, UsageError
from deployer.project import PlanOptions, Project
from deployer.render import formats
from deployer.wording import counted


@click.command("validate")
@project_options
@fleets.fleet_options()
@format_option("problems", "fleet")
@fail_on_option()
@click.option("--online", is_flag=True, help="Ask the account, too, which models it offers.")
@strict_surface_option()
@click.option("--import-handlers", is_flag=True, help="Import the Python code of handlers, to compare them in full.")
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    fleet: fleets.FleetChoice,
    form: str,
    gates: Gates,
    online: bool,
    strict_surface: bool,
    import_handlers: bool,
) -> int:
    """Check the manifest and all files that it names; nothing is asked of anybody, but with --online.

    Every problem is reported at once, as file:line:column, the address, what is wrong and what to do. What the chosen
    account's API cannot carry is a warning, and so is a model that is unknown, shuts down or refuses a setting, as far
    as the table of OpenAI's models knows. Handlers are read, never run, but with --import-handlers. Exit code 1 when
    there is an error.

    \b
    Example:
      deployer validate
      deployer validate --account openai --format sarif
      deployer validate --fleet
      deployer validate --account openai --fail-on model-shutdown=30
    """
    if fleet:
        if online or import_handlers or strict_surface or gates.days is not None:
            raise UsageError("with --fleet leave out --online, --import-handlers, --strict-surface and --fail-on")
        return fleets.read(fleet, choice, "validate", PlanOptions(), form, exit_code=False)
    if form not in formats.names("problems"):
        raise UsageError(f"--format {form} goes with --fleet")
    found = Project.validate(
        choice.file,
        account=choice.account,
        variables=choice.values(),
        environ=choice.environ(),
        import_handlers=import_handlers,
        strict_surface=strict_surface,
    )
    problems = found.problems
    if online and found.ok:
        told = {(one.rule, one.address) for one in problems}
        problems += tuple(one for one in choice.load().models(on_event=tell) if (one.rule, one.address) not in told)
    formats.write("problems", form, formats.Findings(problems, counted(found.resources, "resource")))
    failed = gates.models(found.shutdowns) if found.ok else ()
    for sentence in failed:
        click.echo(sentence, err=True)
    return EXIT_DONE if found.ok and not failed else EXIT_FAILED
