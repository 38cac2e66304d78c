"""--record: what a model said becomes the rehearsal of a test, and passes as such."""

from __future__ import annotations

import pytest
import yaml

from deployer.server import EmbeddedAccount, Rehearsal, read_script
from tests.support.killed import Door, served
from tests.support.project import Project

MANIFEST = """
accounts:
  far: {{api: {api}, base_url: "{url}", api_key: any, list_lag: 0}}
  here: {{api: {api}}}
vector_stores: {{docs: {{files: ["docs/*.md"]}}}}
assistants:
  helper:
    model: m
    tools:
      - {{type: file_search, vector_stores: [docs]}}
      - {{type: function, name: pick, description: Picks., parameters: {{type: object, properties: {{}}}}}}
tests:
  # what is said stays
  - address: assistant/helper # here, too
    turns: [{{user: Pick}}, {{user: Search}}]
    outputs: {{pick: red}}
    assert: [{{type: contains, value: fun}}]
  - {{turns: [other], assert: [{{type: equals, value: never}}]}}
"""
TURNS = [
    {
        "when": {"message": "Pick"},
        "times": "any",
        "answers": [[{"text": "One moment."}, {"call": "pick"}], {"text": "Red."}],
    },
    {"when": {"message": "Search"}, "times": "any", "answers": [{"search": "algebra"}, {"text": "It is fun【a.md】."}]},
]


@pytest.mark.parametrize("api", (pytest.param("assistants", marks=pytest.mark.nightly), "responses"))
def test_what_is_recorded_passes_without_a_model(project: Project, monkeypatch: pytest.MonkeyPatch, api: str) -> None:
    monkeypatch.setenv("KEY", "any")
    project.write("docs/a.md", "Algebra is fun.\n")
    model = Rehearsal(read_script({"version": 1, "turns": TURNS}))
    with EmbeddedAccount(project.root / "served", answers=model) as account, served(Door(account.app)) as url:
        text = MANIFEST.format(api=api, url=url).replace("api_key: any", 'api_key: "${env.KEY}"')
        project.manifest(text)
        assert project.run("apply", "--yes", "--account", "far").code == 0
        result = project.run("test", "--account", "far", "--record")
    assert result.code == 1
    assert "other: not recorded, since it did not pass" in result.err
    assert "recorded in assistants.yaml" in result.err
    written = (project.root / "assistants.yaml").read_text(encoding="utf-8")
    assert "  # what is said stays\n  - address: assistant/helper # here, too\n" in written
    tests = yaml.safe_load(written)["tests"]
    assert "rehearse" not in tests[1]
    assert tests[0]["rehearse"][1] == "Red."
    assert tests[0]["rehearse"][2] in ({"search": ["algebra"]}, {"search": ["Search"]})
    assert tests[0]["rehearse"][3] in ("It is fun【a.md】.", "It is fun.【a.md】")  # where the API marks the place
    assert project.run("apply", "--yes", "--account", "here").code == 0
    again = project.run("test", "--account", "here")
    assert "✓ assistant/helper: Pick" in again.out, again.out


def test_the_embedded_account_has_nothing_to_record(project: Project) -> None:
    project.manifest("assistants: {a: {model: m}}\ntests: [{turns: [hi], rehearse: [a]}]\n")
    result = project.run("test", "--record")
    assert result.code == 64
    assert "--record needs an account with a model" in result.err
