"""Install the project in every way that its README names, on every supported Python of this machine.

    python3 scripts/installs.py

Each way gets a fresh environment outside of the checkout, and must run `deployer --version`, the same with
`python -m deployer`, and a deploy to the embedded account. No way may need a compiler: packages come as wheels. Takes
minutes and a package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pythons import ROOT, Interpreter, found

_MANIFEST = "version: 1\nproject: installed\nassistants: {a: {model: gpt-6-luna}}\n"
_WAYS = ("wheel from the sdist", "pip install .", "pip install '.[dev]'", "editable")


def main() -> int:
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        for interpreter in found():
            for way in _WAYS:
                why = try_way(interpreter, folder / f"{interpreter.minor}-{_WAYS.index(way)}", way, wheel)
                failures += why is not None
                print(f"{interpreter.version:<9} {way:<22} {'works' if why is None else f'FAILS: {why}'}", flush=True)
    return 1 if failures else 0


def build(folder: Path) -> Path:
    """Make the sdist with the environment of the checkout, and the wheel from nothing but the sdist."""
    python = ROOT / ".venv" / "bin" / "python"
    _run([python, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    _run([python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, sdist], folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def try_way(interpreter: Interpreter, folder: Path, way: str, wheel: Path) -> str | None:
    """Return why it fails, None if it works."""
    ways: tuple[list[str | Path], ...] = ([wheel], [ROOT], [f"{ROOT}[dev]"], ["--editable", ROOT])
    what = dict(zip(_WAYS, ways, strict=True))[way]
    bin_folder = folder / "venv" / "bin"
    constraints: list[str | Path] = ["--constraint", ROOT / "constraints.txt", "--only-binary", ":all:"]
    try:
        _run([interpreter.path, "-m", "venv", folder / "venv"], ROOT)
        (folder / "assistants.yaml").write_text(_MANIFEST, encoding="utf-8")
        _run([bin_folder / "python", "-m", "pip", "install", "--quiet", *constraints, *what], folder)
        for command in ([bin_folder / "deployer"], [bin_folder / "python", "-m", "deployer"]):
            _run([*command, "--version"], folder, "deployer, version ")
        _run([bin_folder / "deployer", "apply", "--yes"], folder, "The next plan is empty")
    except RuntimeError as error:
        return str(error)
    return None


def _run(command: list[str | Path], folder: Path, says: str = "") -> None:
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=folder, env=environ, check=False, capture_output=True, text=True)
    if done.returncode or says not in done.stdout:
        raise RuntimeError(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-500:]}")


if __name__ == "__main__":
    sys.exit(main())
