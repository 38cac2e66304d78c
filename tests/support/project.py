"""A project in a folder, and the command line run on it."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer import cli


@dataclass(frozen=True)
class Result:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    """A folder with a manifest."""

    root: Path

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file (text is dedented), making its folders."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def manifest(self, text: str) -> Path:
        """Write assistants.yaml; version and project are put before it."""
        return self.write("assistants.yaml", "version: 1\nproject: test\n" + textwrap.dedent(text))

    def copy(self, source: Path, names: Sequence[str]) -> None:
        for name in names:
            if (source / name).is_dir():
                shutil.copytree(source / name, self.root / name)
            else:
                shutil.copy(source / name, self.root / name)

    def run(self, *arguments: str) -> Result:
        """Run the command line in this process, as `deployer ARGUMENTS` would."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(list(arguments))
        return Result(code, out.getvalue(), err.getvalue())
