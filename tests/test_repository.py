"""The repository as a whole: the wheel, the schemas, the architecture, the example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from deployer import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from nothing but the sdist."""
    folder = tmp_path_factory.mktemp("wheel")
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(*command: str) -> None:
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True, capture_output=True)

    run("hatchling", "build", "-t", "sdist", "-d", str(folder))
    (sdist,) = folder.glob("assistants_deployer-*.tar.gz")
    run("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(sdist))
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_contains_its_schemas_and_nothing_foreign(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"deployer/schemas/manifest.schema.json", "deployer/schemas/plan.schema.json"} <= set(names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"deployer", "assistants_deployer"}


def test_the_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    (tmp_path / "assistants.yaml").write_text("version: 1\nproject: p\nassistants: {a: {model: m}}\n", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from deployer.cli import main; main(['validate'])"
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (0, "valid: 1 resource\n"), result.stderr
    where = code.replace("main(['validate'])", "import deployer; print(deployer.__file__)")
    shown = subprocess.run([sys.executable, "-I", "-c", where], check=True, capture_output=True, text=True).stdout
    assert shown.startswith(str(installed))


def test_the_wheel_knows_its_version(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "deployer", "--version"]
    shown = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
    assert shown == f"deployer, version {__version__}\n"
    (metadata,) = tmp_path.glob("assistants_deployer-*.dist-info")
    assert metadata.name == f"assistants_deployer-{__version__}.dist-info"
    assert "deployer=deployer.cli:main" in (metadata / "entry_points.txt").read_text(encoding="utf-8").replace(" ", "")


@pytest.mark.parametrize("path", tuple((ROOT / "schemas").glob("*.json")), ids=lambda path: path.name)
def test_published_schemas_are_valid(path: Path) -> None:
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_the_pdf_of_the_example_is_what_its_script_makes() -> None:
    subprocess.run([sys.executable, "scripts/make_knowledge_pdf.py", "--check"], cwd=ROOT, check=True)


def test_imports_point_downwards() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


def test_no_file_is_too_long() -> None:
    sizes = {path: path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "deployer").rglob("*.py")}
    assert {path.name: size for path, size in sizes.items() if size > 500} == {}
