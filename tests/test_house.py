"""The measure of how the code is built, on a tree that a person can check by eye."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.house import House, details, figures, is_annotated, length, pairs, recipes, touched

TREE = {
    "deployer/__init__.py": "from deployer.kinds.tool import Tool\n",
    "deployer/__main__.py": "from deployer import cli\n",
    "deployer/cli.py": "from deployer.commands import run\n",
    "deployer/commands/__init__.py": "",
    "deployer/commands/run.py": (
        "def command() -> int:\n    from deployer.engine.plan import build\n    return build(1)\n"
    ),
    "deployer/engine/__init__.py": "",
    "deployer/engine/plan.py": (
        "from deployer.engine.slice import cut\nfrom deployer.engine.shared import both\n\n"
        "def build(value):\n    return cut(both(value))\n\nclass Twice: ...\n"
    ),
    "deployer/engine/slice.py": (
        "from deployer.engine.shared import both\n\nclass Twice: ...\ndef cut(value: int) -> int:\n    return value\n"
    ),
    "deployer/engine/shared.py": "import yaml\ndef both(value: int) -> int:\n    return value\n",
    "deployer/kinds/__init__.py": (
        "from deployer.kinds import note\nfrom deployer.kinds.tool import Tool\n"
        "SURFACES = {'a': {'n': note.KIND, 't': Tool}}\n"
    ),
    "deployer/kinds/note.py": "KIND = 1\n",
    "deployer/kinds/tool.py": "class Tool: ...\n",
    "deployer/render/__init__.py": "",
    "deployer/render/formats.py": "FORMATS = {'plan': {'text': 'text.plan', 'json': 'none.plan'}}\n",
    "deployer/render/text.py": "def plan(value: int, *rest: int, **more: int) -> None:\n    print(value)\n",
    "deployer/render/user.py": "from deployer.render import text\nfrom deployer.render import formats\n",
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return House(tmp_path)


def test_a_slice_has_one_importer_and_is_no_seam(house: House) -> None:
    """Kinds, formats and commands are listed; `shared` has two importers; a package passes `Tool` on."""
    assert house.slices() == {
        "deployer.engine.plan": "deployer.commands.run",
        "deployer.engine.slice": "deployer.engine.plan",
        "deployer.render.formats": "deployer.render.user",
    }


def test_a_seam_is_listed_in_a_table_or_alone_with_a_third_party(house: House) -> None:
    assert {"deployer.kinds.note", "deployer.kinds.tool", "deployer.render.text"} <= house.listed
    assert house.adapters == {"deployer.engine.shared": "yaml"}
    assert house.commands == {"deployer.commands.run"}
    assert house.importers["deployer.kinds.tool"] == {"deployer", "deployer.kinds"}


def test_what_is_passed_on_by_a_package_is_imported_from_behind_it(tmp_path: Path, house: House) -> None:
    assert "deployer.render.user" not in house.importers["deployer.kinds.tool"]
    (tmp_path / "deployer" / "render" / "user.py").write_text("from deployer import Tool\n", encoding="utf-8")
    assert "deployer.render.user" in House(tmp_path).importers["deployer.kinds.tool"]


def test_class_names_lengths_and_types_are_counted(house: House) -> None:
    assert house.class_names() == {"Twice": ["deployer.engine.plan", "deployer.engine.slice"]}
    found = {one.name: (length(one), is_annotated(one)) for _, one in house.functions()}
    assert found == {
        "build": (2, False),
        "both": (2, True),
        "command": (3, True),
        "cut": (2, True),
        "plan": (2, True),
    }
    said = "\n".join(details(house))
    assert "not annotated: deployer.engine.plan.build" in said
    assert "one importer, no seam: deployer.engine.slice <- deployer.engine.plan" in said
    values = {figure.what: figure.value for figure in figures(house)}
    assert values["functions with every type written"] == 80
    assert values["modules in engine/ and rollback/ together, but for newer capabilities"] == 4


def test_recipes_and_pairs_are_read_from_their_pages(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "CONTRIBUTING.md").write_text(
        "### A kind\n\nText `no/file`.\n\n1. `deployer/a.py` — like `b`\n2. `tests/x` — cases\n\n## Next\n\n- `c`\n",
        encoding="utf-8",
    )
    (tmp_path / "docs" / "glossary.md").write_text(
        "## Pairs\n\n- `Entry`: two\n\n## Other\n\n- `No`\n", encoding="utf-8"
    )
    assert recipes(tmp_path) == {"a kind": ["deployer/a.py", "tests/x"]}
    assert touched(["deployer/a.py", "tests/x", "docs/a.md", "deployer/a.py"]) == 1
    assert touched(None) == float("inf"), "a recipe that is not written has no end"
    assert pairs(tmp_path) == {"Entry"}
    assert pairs(tmp_path / "docs") == frozenset()
