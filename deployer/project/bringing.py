"""Write the account's edits into the files: all of them are made first, then each is replaced whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.errors import DeployerError

if TYPE_CHECKING:
    from deployer.manifest.write_back import WriteBack
    from deployer.project.project import Project
    from deployer.project.results import Drift


def written(project: Project, drift: Drift) -> WriteBack:
    """Write what can be brought back, and return it; DeployerError where a file cannot be written.

    `left` of the result names what is not: documents, and what comes from a variable or an override, with why.
    """
    from deployer.manifest.write_back import write_back

    moved = [(one.address, one.fields) for one in drift.moved]
    result = write_back(project.file, project.manifest.settings.name, moved)
    result.left += [
        (one.address, document.path, f"{document.what}; documents are not brought")
        for one in drift.moved
        for document in one.documents
    ]
    for name, text in result.texts.items():
        _replace(project.manifest.root / name, text)
    return result


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.deployer-new")
    try:
        new.write_text(text, encoding="utf-8", newline="\n")
        new.chmod(path.stat().st_mode & 0o777)
        os.replace(new, os.path.realpath(path))  # noqa: PTH105 (a link stays one)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise DeployerError(f"{path.name} cannot be written ({error.strerror}); check its permissions") from None
