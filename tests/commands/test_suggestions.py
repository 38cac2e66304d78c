"""Words of other tools, and words that are misspelled: what was meant is offered, and never something destructive."""

from __future__ import annotations

import random
import string

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import cli
from deployer.commands import verbs
from tests.support.project import Project

LETTERS = st.text(string.ascii_lowercase + "-", min_size=1, max_size=12)


def options(name: str) -> list[str]:
    command = cli.app.get_command(click.Context(cli.app), name)
    assert command is not None
    return [word for option in command.params for word in option.opts if word.startswith("--")]


def said(project: Project, *words: str) -> str:
    result = project.run(*words)
    assert (result.code, result.out) == (64, "")
    return result.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "hint"),
    (
        ("apply --dry-run", "there is no option --dry-run; did you mean deployer plan, which shows"),
        ("apply --auto-approve", "there is no option --auto-approve; did you mean --yes?"),
        ("apply -auto-approve", "there is no option -auto-approve; did you mean --yes?"),
        ("apply -y", "there is no option -y; did you mean --yes?"),
        ("apply --dryrun", "there is no option --dryrun; did you mean deployer plan, which shows"),
        ("apply --no-confirm", "there is no option --no-confirm; did you mean --yes?"),
        ("apply --stage prod", "there is no option --stage; did you mean --account?"),
        ("plan --select-tag x", "there is no option --select-tag; did you mean --target?"),
        ("describe x", "there is no command 'describe'; did you mean 'whois'?"),
        ("apply -var=a=b", "there is no option -var; did you mean --var?"),
        ("plan -out=p.json", "there is no option -out; did you mean --out?"),
        ("plan --detailed-exitcode", "there is no option --detailed-exitcode; did you mean --exit-code?"),
        ("plan --json", "there is no option --json; did you mean --format json?"),
        ("plan -o json", "there is no option -o; did you mean --format?"),
        ("plan --formt json", "there is no option --formt; did you mean --format?"),
        ("plan --env dev", "there is no option --env; did you mean --account?"),
        ("plan -n prod", "there is no option -n; did you mean --account?"),
        ("plan --config x.yaml", "there is no option --config; did you mean --file?"),
        ("plan --zzzzzz", "there is no option --zzzzzz"),
        ("validate --fix", "there is no option --fix"),
        ("apply --forse", "there is no option --forse"),
        ("plan --acount x", "there is no option --acount; did you mean --account?"),
        ("outputs -y", "there is no option -y"),
        ("apply --purge", "there is no option --purge"),
        ("diff", "there is no command 'diff'; did you mean 'plan'?"),
        ("deploy", "there is no command 'deploy'; did you mean 'apply'?"),
        ("dump", "there is no command 'dump'; did you mean 'export'?"),
        ("plna", "there is no command 'plna'; did you mean 'plan'?"),
        ("version", "there is no command 'version'; did you mean '--version'?"),
        ("destory", "there is no command 'destory'; use one of: validate, plan"),
        ("functions chekc", "there is no command 'chekc'; did you mean 'check'?"),
    ),
)
def test_what_was_meant_is_offered(project: Project, words: str, hint: str) -> None:
    end = said(project, *words.split()).removeprefix("Error: ")
    assert end.startswith(hint)
    assert hint.endswith(("shows", "plan")) or end == hint


def test_every_word_leads_to_something_that_exists() -> None:
    assert {word for word in verbs.COMMANDS.values() if not word.startswith("--")} <= set(cli.COMMANDS)
    assert not set(verbs.COMMANDS) & set(cli.COMMANDS), "a word of ours needs no translation"
    known = {option for name in cli.COMMANDS for option in options(name)}
    meant = {hint.split()[0] for hint in verbs.OPTIONS.values() if hint.startswith("--")}
    assert meant - known <= {"--target"}


def test_no_word_of_the_tables_leads_to_something_destructive() -> None:
    offered = {*verbs.COMMANDS.values(), *verbs.OPTIONS.values()} - {"--yes"}
    assert not offered & verbs.DESTRUCTIVE


@given(word=LETTERS)
def test_no_misspelled_command_is_led_to_something_destructive(word: str) -> None:
    if word not in cli.COMMANDS and not word.startswith("-"):
        with pytest.raises(click.UsageError) as caught:
            cli.app.resolve_command(click.Context(cli.app), [word])
        assert not any(f"did you mean '{one}'" in str(caught.value) for one in verbs.DESTRUCTIVE)


@pytest.mark.parametrize("name", sorted(verbs.DESTRUCTIVE))
def test_the_nearest_misses_are_not_led_there_either(project: Project, name: str) -> None:
    chance = random.Random(name)  # noqa: S311 (a test's dice)
    for _ in range(20):
        letters = list(name.lstrip("-"))
        at = chance.randrange(len(letters))
        letters[at] = chance.choice(string.ascii_lowercase)
        word = "".join(letters)
        words = [word] if name in cli.COMMANDS else ["apply", f"--{word}"]
        if word not in cli.COMMANDS and f"--{word}" not in options("apply"):
            assert f"did you mean {name}?" not in said(project, *words).replace("'", "")
