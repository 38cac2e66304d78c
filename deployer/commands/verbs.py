"""A group of commands as a literal table, each imported only when it is asked for; what words of other tools mean."""

from __future__ import annotations

import importlib
import keyword
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

DESTRUCTIVE = frozenset({"destroy", "rollback", "gc", "unlock", "--prune", "--force", "--confirm", "--yes", "--write"})
"""Never offered for a word that was misspelled: who meant something else must not be led there."""

COMMANDS = {
    "diff": "plan",
    "preview": "plan",
    "dry-run": "plan",
    "deploy": "apply",
    "sync": "apply",
    "up": "apply",
    "push": "apply",
    "update": "apply",
    "lint": "validate",
    "check": "validate",
    "status": "drift",
    "refresh": "drift",
    "dump": "export",
    "pull": "export",
    "takeover": "adopt",
    "output": "outputs",
    "state": "outputs",
    "list": "outputs",
    "get": "outputs",
    "ids": "outputs",
    "describe": "whois",
    "blame": "whois",
    "whatif": "plan",
    "talk": "chat",
    "ls": "outputs",
    "server": "serve",
    "start": "serve",
    "local": "serve",
    "version": "--version",
    "help": "--help",
    "new": "init",
    "create": "init",
    "setup": "init",
    "autocomplete": "completion",
}
"""What a command of another tool is called here; no word leads to something destructive."""

_PREVIEW = "deployer plan, which shows what apply would do and sends nothing"
OPTIONS = {
    **dict.fromkeys(("dry-run", "dryrun", "dry", "simulate", "plan-only", "preview", "server-dry-run"), _PREVIEW),
    "what-if": _PREVIEW,
    "noop": _PREVIEW,
    "no-op": _PREVIEW,
    "diff": _PREVIEW,
    "check": _PREVIEW,
    "auto-approve": "--yes",
    "y": "--yes",
    **dict.fromkeys(("assume-yes", "assumeyes", "force-yes", "approve", "auto-confirm", "no-confirm"), "--yes"),
    **dict.fromkeys(("skip-confirmation", "no-prompt", "no-interactive", "no-interaction", "yes-to-all"), "--yes"),
    "non-interactive": "--yes",
    "no-input": "--yes",
    "t": "--target",
    **dict.fromkeys(("only", "select", "select-tag", "include", "limit", "zone", "filter"), "--target"),
    "resource": "--target",
    "json": "--format json",
    "o": "--format",
    "output": "--format",
    "output-format": "--format",
    "detailed-exitcode": "--exit-code",
    "vars": "--var-file",
    "values": "--var-file",
    "var_file": "--var-file",
    "dotenv": "--env-file",
    "set": "--var",
    "e": "--account",
    "env": "--account",
    **dict.fromkeys(("environment", "stage", "tenant", "cluster", "org", "remote"), "--account"),
    "context": "--account",
    "n": "--account",
    "namespace": "--account",
    "profile": "--account",
    "stack": "--account",
    "workspace": "--account",
    "config": "--file",
    "filename": "--file",
    "manifest": "--file",
    "chdir": "-C DIR, which stands before the command",
    "directory": "-C DIR, which stands before the command",
}
"""What an option of another tool, without its dashes, is called here: an option, or what to do instead."""


class Verbs(click.Group):
    """`table` maps a command to the first sentence of its help; its module in `package` exports `command`."""

    def __init__(self, *arguments: Any, table: Mapping[str, str], package: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.table, self.package = table, package

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self.table:
            return None
        name = cmd_name.replace("-", "_") + "_" * keyword.iskeyword(cmd_name)
        module = importlib.import_module(f"{self.package}.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.table and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}; {self._hint(args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. With its number, click would make of a reader that is gone an exit code of 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise BrokenPipeError from None

    def _hint(self, word: str) -> str:
        meant = COMMANDS.get(word.lower())
        known = {*self.table, *(name for option in self.params for name in option.opts), "--help"}
        found = meant if meant in known else _nearest(word, self.table)
        return f"did you mean {found!r}?" if found else f"use one of: {', '.join(self.table)}"


def explained(error: click.NoSuchOption, arguments: Sequence[str] | None = None) -> click.UsageError:
    """Return the error of an option that does not exist, with the one that was meant; `arguments` are all words."""
    words = sys.argv[1:] if arguments is None else arguments
    written = _written(error.option_name, words)
    word = written.lstrip("-")
    known = [name for option in error.ctx.command.params for name in option.opts] if error.ctx else []
    meant = OPTIONS.get(word, "")
    if f"--{word}" in known:  # with one dash, as Go's tools have it
        meant = f"--{word}"
    elif meant.startswith("--") and meant.partition(" ")[0] not in known:
        meant = ""
    found = meant or _nearest_option(word, known)
    hint = f"; did you mean {found}?" if found else ""
    return click.UsageError(f"there is no option {written}{hint}", error.ctx)


def _written(name: str, words: Sequence[str]) -> str:
    """Return an option as it was written: of `-target`, click names only `-t`."""
    if name.startswith("--"):
        return name
    letter = name.lstrip("-")
    whole = (word.partition("=")[0] for word in words if word.startswith("-") and not word.startswith("--"))
    return next((word for word in whole if letter in word[1:]), name)


def _nearest_option(word: str, known: Iterable[str]) -> str | None:
    """Return the option that is spelled alike; the dashes, which all have, do not count.

    Where that is one that deletes, none is offered: neither that, nor the next best.
    """
    found = _nearest(word, [name.lstrip("-") for name in known])
    return f"--{found}" if found and f"--{found}" not in DESTRUCTIVE else None


def _nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name that is spelled alike; none where that is destructive, nor what is only the next one then."""
    from difflib import get_close_matches

    found = next(iter(get_close_matches(word, list(names), n=1)), None)
    return None if found in DESTRUCTIVE else found
