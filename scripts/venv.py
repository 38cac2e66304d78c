"""Make the virtual environment of a checkout, and say in a sentence what the machine lacks for it.

    python3 scripts/venv.py FOLDER

It holds the project itself (editable), what its tests need at the versions of constraints.txt, and the official suite
of JSON Schema, which comes with the source of jsonschema.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
_OLDEST = (3, 11)


def main(folder: Path) -> None:
    if wrong := lacking():
        sys.exit(wrong)
    python = str(folder / "bin" / "python")
    _must([sys.executable, "-m", "venv", "--clear", str(folder)], "the virtual environment could not be made")
    _pip(python, "install", "--constraint", str(CONSTRAINTS), "--editable", f"{ROOT}[dev]")
    suite = folder / "suite"
    _pip(python, "download", "--no-deps", "--no-binary", "jsonschema", "--dest", str(suite), _pinned("jsonschema"))
    (archive,) = suite.glob("jsonschema-*.tar.gz")
    unpack = ["tar", "-xzf", str(archive), "-C", str(suite), "--strip-components=1"]
    _must(unpack, "the suite of JSON Schema could not be unpacked")


def lacking() -> str | None:
    """Return what this Python lacks, and what to install."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST:
        return f"deployer needs Python 3.11 or newer, and {sys.executable} is {found}: make PYTHON=python3.12 …"
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        name = f"python3.{sys.version_info[1]}-venv"
        return f"{sys.executable} cannot make virtual environments; install its venv module (apt-get install {name})"
    return None


def _pinned(name: str) -> str:
    return next(line for line in CONSTRAINTS.read_text(encoding="utf-8").split() if line.startswith(f"{name}=="))


def _pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check", *arguments[1:]]
    advice = "this needs a package index: check the network, or name an index of your own in PIP_INDEX_URL"
    _must(command, f"pip could not fetch and install the packages; {advice}")


def _must(command: list[str], sentence: str) -> None:
    """Run it; what it says itself stands above the sentence."""
    if subprocess.run(command, check=False).returncode:
        sys.exit(sentence)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
