"""Which account is opened, and how it is called when something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from deployer import cli
from deployer.errors import AccountError, UsageError
from deployer.project import Project as Library
from tests.support.live import http
from tests.support.project import Project


def test_an_unknown_account_is_told_where_it_was_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.manifest("accounts: {openai: {api: agents, base_url: 'https://a.example/v1', api_key: '${env.KEY}'}}\n")
    for words in (("plan",), ("validate",), ("export", "out", "-f", "assistants.yaml")):
        monkeypatch.setenv("DEPLOYER_ACCOUNT", "opnai")
        said = "the manifest has no account 'opnai'; did you mean 'openai'?\n"
        assert (project.run(*words).code, project.run(*words).err) == (1, f"DEPLOYER_ACCOUNT: {said}")
        monkeypatch.setenv("DEPLOYER_ACCOUNT", "openai")
        assert project.run(*words, "--account", "opnai").err == f"--account: {said}"
    monkeypatch.setenv("DEPLOYER_ACCOUNT", "opnai")
    assert project.run("export", "other").err.startswith("DEPLOYER_ACCOUNT is one of a manifest; name that with -f")


def test_an_embedded_account_is_called_by_its_folder(project: Project) -> None:
    project.manifest("")

    async def ask() -> None:
        async with Library.load().open() as session:
            await http(session).get("/nowhere")

    with pytest.raises(AccountError) as caught:
        asyncio.run(ask())
    folder = project.root / ".deployer" / "account"
    assert str(caught.value).startswith(
        f"account embedded: GET /nowhere on the embedded account in {folder} answered 404: Invalid URL"
    )
    assert (caught.value.status, caught.value.lost) == (404, False)


HOSTED = (
    "accounts: {far: {api: agents, base_url: 'https://a.example/v1', api_key: '${env.KEY}'}, here: {api: agents}}\n"
)
NOWHERE = (
    "no account is named, and the manifest declares far; add --account NAME or set DEPLOYER_ACCOUNT "
    "(--account embedded is the account in this folder, which needs no key)\n"
)
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "plan": (),
    "apply": ("--yes",),
    "drift": (),
    "doctor": (),
    "watch": (),
    "adopt": ("assistant/a", "asst_1", "--yes"),
    "export": ("out", "-f", "assistants.yaml"),
    "rollback": ("--yes",),
    "destroy": ("--confirm", "test"),
    "gc": ("--yes",),
    "unlock": ("--yes",),
    "outputs": (),
    "whois": ("asst_1",),
    "test": (),
    "chat": ("assistant/a",),
    "playground": ("--no-open",),
}
"""Every command that reads or writes an account, with what it needs where nobody can answer."""
OFFLINE: Mapping[str, tuple[str, ...]] = {
    "validate": (),
    "functions": ("check", "f.yaml"),
    "schema": (),
    **dict.fromkeys(("init", "import", "show", "completion", "github", "serve"), ("--help",)),
}


def test_every_command_is_known_here() -> None:
    assert {*COMMANDS, *OFFLINE} == set(cli.COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_deployed_to_nowhere(project: Project, name: str) -> None:
    """With hosted accounts declared, the embedded one must be meant: a pipeline whose variable is lost turns red."""
    project.manifest(f"{HOSTED}assistants: {{a: {{model: m}}}}\n")
    result = project.run(name, *COMMANDS[name])
    assert (result.code, result.out, result.err) == (64, "", NOWHERE)
    assert [path.name for path in project.root.iterdir()] == ["assistants.yaml"], "nothing was opened"


@pytest.mark.parametrize("name", OFFLINE)
def test_what_needs_no_account_needs_none_named(project: Project, name: str) -> None:
    project.manifest(f"{HOSTED}assistants: {{a: {{model: m}}}}\n")
    project.write("f.yaml", "name: f\ndescription: d\nparameters: {type: object, properties: {}}\n")
    assert project.run(name, *OFFLINE[name]).code == 0


def test_what_is_named_is_used(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.manifest(f"{HOSTED}assistants: {{a: {{model: m}}}}\n")
    assert project.run("apply", "--yes", "--account", "embedded").code == 0
    assert project.run("plan", "--account", "here", "--exit-code").code == 2
    monkeypatch.setenv("DEPLOYER_ACCOUNT", "embedded")
    assert project.run("plan", "--exit-code").code == 0


@pytest.mark.parametrize("name", (*COMMANDS, "validate"))
def test_an_empty_name_is_an_error_wherever_it_stands(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    project.manifest("assistants: {a: {model: m}}\n")
    words = (name, *COMMANDS.get(name, ()))
    told = "is empty; name an account of the manifest, or leave it out\n"
    given = project.run(*words, "--account", "")
    assert (given.code, given.out, given.err) == (64, "", f"--account {told}")
    monkeypatch.setenv("DEPLOYER_ACCOUNT", "")
    found = project.run(*words)
    assert (found.code, found.out, found.err) == (64, "", f"DEPLOYER_ACCOUNT {told}")
    goes_on = name in {"watch", "playground"}
    wins = None if goes_on else project.run(*words, "--account", "embedded")
    assert wins is None or wins.code != 64, "a name on the command line wins"


def test_the_library_must_be_told_too(project: Project) -> None:
    project.manifest(f"{HOSTED}assistants: {{a: {{model: m}}}}\n")
    with pytest.raises(UsageError, match="no account is named, and the manifest declares far"):
        Library.load()
    assert Library.load(account="embedded").apply().ok
    assert Library.validate().ok
