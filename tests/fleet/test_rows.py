"""The table of a fleet: each form, and what bad rows are told, with file, line and column."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from deployer.fleet import Fleet
from tests.support.project import Project

MANIFEST = """accounts:
  tenant: {account}
fleet: {fleet}
variables: {{school: {{default: x}}, heat: {{default: 0.5}}}}
assistants: {{tutor: {{model: m, instructions: "of ${{var.school}}"}}}}
"""
HOSTED = "{api: agents, base_url: '${row.url}', api_key: '${env.KEY}', variables: {school: '${row.school}'}}"
HERE = "{api: agents, variables: {school: '${row.school}'}}"
URLS = "school,url,tier\nnorth,https://n.example/v1,canary\nsouth,https://s.example/v1,prod\n"


def write(project: Project, fleet: str, account: str = HERE) -> None:
    project.manifest(MANIFEST.format(account=account, fleet=fleet))


def values(found: Fleet) -> list[tuple[str, Mapping[str, object]]]:
    return [(row.name, row.values) for row in found.rows]


NORTH, SOUTH = {"school": "north", "tier": "canary"}, {"school": "south", "tier": "prod"}
FORMS: Mapping[str, tuple[str, str, str]] = {
    "csv": ("{account: tenant, from: t.csv}", "t.csv", "school,tier\r\nnorth,canary\r\n\r\nsouth,prod\r\n"),
    "quoted": ("{account: tenant, from: t.csv}", "t.csv", '\ufeff"school", tier\n"north",canary\nsouth,prod'),
    "json": (
        "{account: tenant, from: t.json}",
        "t.json",
        '[{"school": "north", "tier": "canary"}, {"school": "south", "tier": "prod"}]',
    ),
    "yaml": (
        "{account: tenant, from: t.yaml}",
        "t.yaml",
        "- {school: north, tier: canary}\n- {school: south, tier: prod}\n",
    ),
    "list": ("{account: tenant, from: [{school: north, tier: canary}, {school: south, tier: prod}]}", "unused", ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_in_each_form(project: Project, form: str) -> None:
    fleet, name, content = FORMS[form]
    write(project, fleet)
    project.write(name, content.encode())
    assert values(Fleet.load("assistants.yaml")) == [("north", NORTH), ("south", SOUTH)]


def test_a_command_prints_the_table(project: Project) -> None:
    project.write("table.py", "print('school,tier\\nnorth,canary\\nsouth,prod')")
    command = f"{sys.executable} table.py"
    account = HERE.replace("{api: agents", "{api: agents, commands: true")
    write(project, f"{{account: tenant, from: {{command: {command}}}}}", account)
    assert values(Fleet.load("assistants.yaml")) == [("north", NORTH), ("south", SOUTH)]


BAD: Mapping[str, tuple[str, str, str, str]] = {
    "no column": (
        HOSTED,
        "{account: tenant, from: t.csv}",
        "school,tier\nnorth,canary\n",
        "t.csv:2:1: fleet.from: row 1: the column 'url' is missing; add it: the account uses it",
    ),
    "empty cell": (
        HOSTED,
        "{account: tenant, from: t.csv}",
        URLS.replace("https://s.example/v1", ""),
        "t.csv:3:1: fleet.from: row 2: the column 'url' is empty; fill it in: the account uses it",
    ),
    "ragged": (
        HERE,
        "{account: tenant, from: t.csv}",
        "school,tier\nnorth\n",
        "t.csv:2:1: fleet.from: row 1 has 1 cells, and there are 2 columns; columns: school, tier",
    ),
    "no label": (
        HERE,
        "{account: tenant, from: t.csv, waves: [{where: {teir: canary}}, {}]}",
        "school,tier\nnorth,canary\n",
        "assistants.yaml:5:56: fleet: no row has the label 'teir'; did you mean 'tier'?",
    ),
    "one name twice": (
        HERE,
        "{account: tenant, from: t.csv}",
        "school,tier\nnorth,canary\nNorth,prod\n",
        "t.csv:3:1: fleet.from: row 2: 'North' is row 1 already, at t.csv:2:1; remove one of them",
    ),
    "one account twice": (
        HOSTED,
        "{account: tenant, from: t.csv}",
        URLS.replace("s.example", "N.example"),
        (
            "t.csv:3:1: fleet.from: row 2: south is the same account as north, row 1 at t.csv:2:1; "
            "remove one of them, or let their base_url or api_key differ"
        ),
    ),
    "no wave": (
        HERE,
        "{account: tenant, from: t.csv, waves: [{where: {tier: canary}}]}",
        "school,tier\nnorth,canary\nsouth,prod\n",
        (
            "assistants.yaml:5:8: fleet.waves: 1 row in no wave, first row 2 (south, t.csv:3:1); "
            "add {} as the last wave, which takes the rest"
        ),
    ),
    "no name": (
        HERE,
        "{account: tenant, from: t.csv}",
        "school,tier\n../x,canary\n",
        (
            "t.csv:2:1: fleet.from: row 1: '../x' is no name for an account; "
            "use up to 63 letters, digits, ., - and _, or name another column in fleet.name"
        ),
    ),
    "no row": (
        HERE,
        "{account: tenant, from: t.csv}",
        "school,tier\n",
        "assistants.yaml:5:32: fleet.from: there is no row; a fleet needs one",
    ),
    "no head": (
        HERE,
        "{account: tenant, from: t.csv}",
        "school,the tier\nnorth,x\n",
        (
            "t.csv:1:1: fleet.from: 'the tier' is no column; "
            "the first line names the columns: letters, digits, - and _, each once"
        ),
    ),
    "open quote": (
        HERE,
        "{account: tenant, from: t.csv}",
        'school,tier\nnorth,"canary\n',
        "t.csv:2:1: fleet.from: this is not CSV (unexpected end of data); put quotes in pairs",
    ),
    "no file": (
        HERE,
        "{account: tenant, from: u.csv}",
        "school\nnorth\n",
        "assistants.yaml:5:32: fleet.from: u.csv does not exist; create it, or correct the path",
    ),
    "outside": (
        HERE,
        "{account: tenant, from: ../u.csv}",
        "school\nnorth\n",
        "assistants.yaml:5:32: fleet.from: '../u.csv' leaves the manifest's folder; move the file inside",
    ),
    "no account": (
        HERE,
        "{account: tenent, from: t.csv}",
        "school\nnorth\n",
        "assistants.yaml:5:18: fleet.account: the manifest has no account 'tenent'; did you mean 'tenant'?",
    ),
    "a command": (
        HERE,
        "{account: tenant, from: {command: ls}}",
        "",
        (
            "assistants.yaml:5:32: fleet.from.command: this account runs no commands; "
            "add commands: true to it, if the manifest is trusted"
        ),
    ),
    "no number": (
        HERE,
        "{account: tenant, from: t.csv, max_failures: 0}",
        "school\nnorth\n",
        "assistants.yaml:5:53: fleet.max_failures: 0 is too small; the least is 1",
    ),
    "unknown key": (
        HERE,
        "{account: tenant, from: t.csv, wave: []}",
        "school\nnorth\n",
        "assistants.yaml:5:39: fleet: unknown key 'wave'; did you mean 'waves'?",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_bad_rows_are_told(project: Project, case: str) -> None:
    account, fleet, content, said = BAD[case]
    write(project, fleet, account)
    project.write("t.csv", content.encode())
    result = project.run("apply", "--fleet", "--yes")
    assert (result.code, result.err, result.out) == (1, f"{said}\n", "")


@pytest.mark.parametrize(
    ("account", "row", "said"),
    (
        ("{api: agents, base_url: 'https://${row.school}.example/v1', api_key: '${env.KEY_${row.school}}'}", "a", ""),
        (
            "{api: agents, base_url: 'https://${row.school}.example/v1', api_key: '${env.KEY_${row.school}}'}",
            "a} ${env.X",
            "the column 'school' stands in a reference, and this row's value cannot be part of a name",
        ),
        ("{api: agents, base_url: '${row.school}', api_key: '${env.KEY_a}'}", "ftp://a", '"ftp://a" is not'),
    ),
)
def test_a_value_is_no_reference(project: Project, account: str, row: str, said: str) -> None:
    write(project, f"{{account: tenant, name: id, from: [{{id: a, school: '{row}'}}]}}", account)
    found = Fleet.load("assistants.yaml")
    assert found.template
    made = found.template.compiled(found.rows[0], {"KEY_a": "k"})
    assert ([one.message for one in made.problems if said and said in one.message] != []) is bool(said)
    if not said:
        assert (made.problems, made.settings.api_key, made.settings.base_url) == ((), "k", "https://a.example/v1")


def test_a_value_that_looks_like_a_reference_stays_text(project: Project) -> None:
    account = HOSTED.replace("'${row.url}'", "'https://x.example/${row.url}'")
    write(project, "{account: tenant, from: [{school: north, url: '${env.KEY}'}]}", account)
    found = Fleet.load("assistants.yaml")
    assert found.template
    made = found.template.compiled(found.rows[0], {"KEY": "secret"})
    assert (made.settings.base_url, made.settings.api_key) == ("https://x.example/${env.KEY}", "secret")


def test_columns_are_values_of_variables_in_their_type(project: Project) -> None:
    account = "{api: agents, variables: {school: '${row.school}', heat: '${row.heat}'}}"
    write(project, "{account: tenant, from: t.csv}", account)
    text = (project.root / "assistants.yaml").read_text()
    project.write("assistants.yaml", text.replace("model: m,", "model: m, temperature: '${var.heat}',"))
    project.write("t.csv", "school,heat\nnorth,0.25\nsouth,hot\n")
    found = Fleet.load("assistants.yaml")
    assert found.template
    north, south = (found.template.compiled(row, {}) for row in found.rows)
    assert [one.attrs["temperature"] for one in north.resources] == [0.25]
    assert [str(one) for one in south.problems] == [
        "assistants.yaml:7:45: assistant/tutor.temperature: this is text; it must be a number"
    ]


@pytest.mark.parametrize("words", (("plan", "--account", "tenant"), ("validate", "--account", "tenant")))
def test_without_the_fleet_a_row_is_missing(project: Project, words: tuple[str, ...]) -> None:
    write(project, "{account: tenant, from: t.csv}", HOSTED)
    project.write("t.csv", URLS)
    said = (
        "assistants.yaml:4:35: accounts.tenant.base_url: this is a value of a row, and no row is chosen; add --fleet\n"
    )
    result = project.run(*words)
    assert (result.code, said in result.out + result.err) == (1, True)
