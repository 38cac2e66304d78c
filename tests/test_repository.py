"""The repository as a whole: the wheel, the schemas, the architecture, the example."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from deployer import __version__
from deployer.kinds import SURFACES

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
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "deployer" / "playground" / "page").iterdir()}
    assert page <= set(names)
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


def _modules(*without: str) -> dict[str, ast.Module]:
    """The tool's modules, parsed, by their path below deployer/; not those below these folders."""
    paths = {path.relative_to(ROOT / "deployer").as_posix(): path for path in (ROOT / "deployer").rglob("*.py")}
    found = {name: path for name, path in paths.items() if not name.startswith(("server/", *without))}
    return {name: _parsed(path) for name, path in sorted(found.items())}


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _texts(tree: ast.AST) -> Iterator[str]:
    yield from (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_only_the_http_backend_knows_paths_methods_and_headers() -> None:
    """Of the accounts' APIs: GitHub's own is another matter."""
    told = re.compile(r"/?(files|uploads|vector_stores|assistants|agents)/|/(files|vector_stores|assistants|agents)\Z")
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE", "OpenAI-Beta", "Authorization"}
    found = {
        (name, text)
        for name, tree in _modules("backends/http/", "github/", "playground/").items()
        for text in _texts(tree)
        if text in methods or told.match(text)
    }
    assert found == set()


def test_outside_kinds_nothing_asks_which_kind_it_has() -> None:
    """A kind says by its members what it can do: how it holds files, what it refers to, where its stamp lives."""
    kinds = {kind for rows in SURFACES.values() for kind in rows}
    found = [
        (name, node.lineno)
        for name, tree in _modules("kinds/").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and kinds & {*map(_constant, (node.left, *node.comparators))}
    ]
    assert found == []


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def test_no_sentence_is_read_back() -> None:
    """Decisions read the codes of reasons: a sentence is neither compared nor searched."""
    found = [
        (name, node.lineno)
        for name, tree in _modules("backends/http/advice").items()  # of OpenSSL's errors, the reason is a code
        for node in ast.walk(tree)
        if (isinstance(node, ast.Compare) and any(map(_is_reason, (node.left, *node.comparators))))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_reason(node.func.value)
        and node.func.attr in ("startswith", "endswith", "partition", "split"))
    ]  # fmt: skip
    assert found == []


def _is_reason(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("reason", "why")
