"""One round of an AssistantProject on the embedded account: conditions, what waits, and what a deletion keeps."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.operator import reconciling
from deployer.operator.reconciling import ProjectFiles, Reconciled, StatusCondition
from deployer.project import Project as Library
from tests.support.live import http

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "deploy" / "operator" / "operator.yaml"
MANIFEST = "version: 1\nproject: p\nassistants: {a: {model: m, instructions: {file: prompt.md}}}\n"
NOW, LATER = "2026-11-28T12:00:00+00:00", "2026-11-28T12:05:00+00:00"


def sources(folder: Path, manifest: str = MANIFEST, **files: str) -> ProjectFiles:
    return ProjectFiles(folder, {"assistants.yaml": manifest, "prompt.md": "hello", **files}, {})


def go(folder: Path, manifest: str = MANIFEST, **spec: Any) -> Reconciled:
    return asyncio.run(reconciling.reconciled(spec, sources(folder, manifest)))


def edit(folder: Path) -> None:
    """Edit the assistant on the account."""

    async def work() -> None:
        project = Library.load(folder / "assistants.yaml", account="embedded", environ={})
        live = (await project.aoutputs())["assistant/a"]
        async with project.open() as session:
            await http(session).write("POST", f"/assistants/{live}", {"instructions": "by hand"})

    asyncio.run(work())


def test_it_is_made_live_and_stays_so(tmp_path: Path) -> None:
    first, second = go(tmp_path), go(tmp_path)
    assert (first.ready, first.changed, first.resources, first.account) == (True, 1, 1, "embedded")
    assert (second.ready, second.changed) == (True, 0)
    assert [one.type for one in second.conditions] == ["Ready", "Drifted", "UnsupportedFeatures"]


@pytest.mark.parametrize(("on_drift", "ready"), (("fail", False), ("overwrite", True), ("keep", True)))
def test_an_edit_on_the_account_is_drift(tmp_path: Path, on_drift: str, ready: bool) -> None:  # noqa: FBT001
    go(tmp_path)
    edit(tmp_path)
    changed = MANIFEST.replace("{file: prompt.md}", "another")
    found = go(tmp_path, changed, onDrift=on_drift)
    assert (found.drifted, found.ready) == (True, ready)
    assert found.conditions[1] == StatusCondition("Drifted", status=True, reason="Edited", message="assistant/a")


def test_a_wrong_manifest_says_where(tmp_path: Path) -> None:
    found = go(tmp_path, MANIFEST.replace("model: m", "modle: m"))
    assert [one.reason for one in found.conditions] == ["ManifestInvalid"]
    assert found.conditions[0].message == (
        "assistants.yaml:3:14: assistant/a: the key 'model' is missing; add it\n"
        "assistants.yaml:3:18: assistant/a: unknown key 'modle'; did you mean 'model'?"
    )
    missing = asyncio.run(reconciling.reconciled({}, ProjectFiles(tmp_path, {"other.yaml": ""}, {})))
    assert missing.conditions[0].message.startswith("there is no assistants.yaml")
    outside = asyncio.run(reconciling.reconciled({}, sources(tmp_path, **{"../x": ""})))
    assert outside.conditions[0].message.startswith("'../x' is no name of a file")


def test_what_the_account_cannot_carry_is_a_condition(tmp_path: Path) -> None:
    manifest = "version: 1\nproject: p\naccounts: {e: {api: agents}}\nassistants: {a: {model: m, temperature: 0.5}}\n"
    found = go(tmp_path, manifest, account="e")
    assert (found.ready, found.conditions[2].status, found.conditions[2].reason) == (True, True, "NotCarried")


def test_a_file_that_left_the_config_map_is_removed(tmp_path: Path) -> None:
    sources(tmp_path, **{"more.md": "x"}).write()
    sources(tmp_path).write()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["assistants.yaml", "prompt.md"]


def test_a_deletion_honours_protect(tmp_path: Path) -> None:
    protected = MANIFEST.replace("{model: m,", "{protect: true, model: m,")
    go(tmp_path, protected)
    assert "protected: assistant/a" in asyncio.run(reconciling.destroyed({}, sources(tmp_path, protected)))
    go(tmp_path, MANIFEST.replace("{model: m,", "{protect: false, model: m,"))
    assert asyncio.run(reconciling.destroyed({}, sources(tmp_path))) == ""


@pytest.mark.parametrize("version", ("1.31", "1.37"))
def test_a_schema_checker_accepts_what_is_deployed(version: str) -> None:
    checker = pytest.importorskip("kubernetes_validate", reason="not installed: pip install kubernetes-validate")
    for data in yaml.safe_load_all(DEPLOYED.read_text(encoding="utf-8")):
        checker.validate(data, version, strict=True)


def test_the_published_resource_says_what_is_read() -> None:
    crd = next(yaml.safe_load_all(DEPLOYED.read_text(encoding="utf-8")))
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    code = "".join(one.read_text(encoding="utf-8") for one in (ROOT / "deployer" / "operator").glob("*.py"))
    assert [name for name in spec if f'"{name}"' not in code] == []
    assert set(re.findall(r'spec(?:\.get\(|\[)"(\w+)"', code)) <= set(spec)


def test_conditions_keep_the_time_of_their_transition() -> None:
    good = Reconciled(
        (StatusCondition("Ready", status=True, reason="Applied"), StatusCondition("Drifted", status=False, reason="x"))
    )
    first = reconciling.told(good, (), 1, NOW)
    second = reconciling.told(good, first, 2, LATER)
    assert [(one["lastTransitionTime"], one["observedGeneration"]) for one in second] == [(NOW, 2), (NOW, 2)]
    third = reconciling.told(reconciling.waiting(["Secret k"]), second, 3, LATER)
    assert [(one["type"], one["status"], one["lastTransitionTime"]) for one in third] == [
        ("Ready", "False", LATER),
        ("Drifted", "Unknown", NOW),
    ]
