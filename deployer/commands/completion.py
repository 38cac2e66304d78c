"""deployer completion: what makes a shell complete commands, options, names of accounts, and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_DEPLOYER_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script for a shell, which completes commands, options, accounts and addresses of the manifest.

    \b
    Example:
      deployer completion bash > ~/.local/share/bash-completion/completions/deployer
      deployer completion zsh > "${fpath[1]}/_deployer"
      deployer completion fish > ~/.config/fish/completions/deployer.fish
    """
    found = get_completion_class(shell)
    assert found  # noqa: S101 (click has each of these)
    program = found(context.find_root().command, {}, "deployer", _VARIABLE)
    click.echo(program.source_template % program.source_vars())


def accounts(context: click.Context, _option: click.Parameter, begun: str) -> Sequence[str]:
    """Return the names of accounts that begin so."""
    names, _ = _declared(context)
    return [name for name in names if name.startswith(begun)]


def addresses(context: click.Context, _option: click.Parameter, begun: str) -> Sequence[str]:
    """Return the declared addresses that begin so."""
    _, found = _declared(context)
    return [one for one in found if one.startswith(begun)]


def _declared(context: click.Context) -> tuple[Sequence[str], Sequence[str]]:
    """Return the accounts and addresses of the manifest; a broken one completes what can be read of it."""
    from deployer.manifest import sections
    from deployer.manifest.accounts import EMBEDDED
    from deployer.manifest.load import load

    folder = Path(context.find_root().params.get("folder") or "")
    found = load(folder / (context.params.get("file") or "assistants.yaml"), sections.kinds())
    return sorted({*found.accounts, EMBEDDED.name}), sorted(map(str, found.resources))
