"""A first manifest: what `deployer init` writes, and the rule that it never writes over anything."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import DeployerError
from deployer.model import Severity
from deployer.project.project import Project
from deployer.wording import listed

_SHOWN = 5
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PROMPT = "prompts/guide.md"
_HEAD = """\
# yaml-language-server: $schema=manifest.schema.json
version: 1
project: {project}

variables:
  model: {{default: {model}}}
"""
_HOSTED = """
accounts:
  production:
    api: {api}
    base_url: {base_url}
    api_key: ${{env.OPENAI_API_KEY}}
"""
_STORES = """
vector_stores:
  docs:
    name: Documents
    files: [knowledge/**]
"""
_ASSISTANT = """
assistants:
  guide:
    name: Guide
    model: ${{var.model}}
    instructions: {{file: prompts/guide.md}}
"""
_SEARCH = "      - {{type: file_search, vector_stores: [docs]}}\n"
_CALL = "      - {{type: function, file: functions/open_ticket.yaml}}\n"
_FUNCTION = """\
name: open_ticket
description: Open a ticket for the team. Call it when the documents have no answer.
strict: true
parameters:
  type: object
  properties:
    summary: {type: string, description: What the person asked for in one sentence.}
  required: [summary]
  additionalProperties: false
"""
_DOCUMENT = "# Opening hours\n\nThe desk is open from 9:00 to 17:00, Monday to Friday.\n"
_INSTRUCTIONS = "You answer questions of our customers, in two sentences at most.\nSay so when you do not know.\n"
_SEARCHES = "Answer from the documents alone, and name the one that you used.\n"
_LINE_ENDS = "# The same bytes on every machine: documents are compared by their bytes.\n* text=auto eol=lf\n"
TEMPLATES: Mapping[str, str] = {
    "assistant": "one assistant with its instructions",
    "knowledge": "an assistant that answers from documents",
    "function": "an assistant that answers from documents and calls a function of yours",
}
"""What can be begun with, by name."""
_SEARCHING = ("knowledge", "function")
APIS = ("agents", "responses", "foundry", "assistants")
MODEL = "gpt-6-luna"


@dataclass(frozen=True, slots=True)
class Starter:
    """What is to be written. `base_url` is that of a hosted account, "" for the embedded one alone."""

    project: str
    template: str = next(iter(TEMPLATES))
    model: str = MODEL
    base_url: str = ""
    api: str = APIS[0]

    def files(self) -> dict[str, str]:
        """Return the text of each file, by its path."""
        from deployer.manifest import schema

        search, call = self.template in _SEARCHING, self.template == "function"
        tools = ["    tools:\n", _SEARCH, *([_CALL] if call else [])] if search else []
        parts = [_HEAD, *([_HOSTED] if self.base_url else []), *([_STORES] if search else []), _ASSISTANT, *tools]
        values = {"project": self.project, "model": self.model, "api": self.api, "base_url": self.base_url}
        return {
            "assistants.yaml": "".join(parts).format(**{name: _scalar(value) for name, value in values.items()}),
            _PROMPT: _INSTRUCTIONS + _SEARCHES * search,
            **({"knowledge/opening-hours.md": _DOCUMENT} if search else {}),
            **({"functions/open_ticket.yaml": _FUNCTION} if call else {}),
            "manifest.schema.json": json.dumps(schema.load("manifest.schema.json"), ensure_ascii=False, indent=2)
            + "\n",
            ".gitattributes": _LINE_ENDS,
        }


def _scalar(text: str) -> str:
    """Return text as a value in YAML: quoted where it is not plainly a name or a URL."""
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*(://[A-Za-z0-9.:_/-]+)?", text) else json.dumps(text)


def project_name(folder: Path) -> str:
    """Return a name for the project of a folder, as the manifest takes it."""
    found = re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-_")[:63]
    return found or "assistants"


def write(folder: Path, starter: Starter) -> list[str]:
    """Write the files of a starter and return their names; DeployerError, and nothing written, if one is there."""
    if not _PROJECT.fullmatch(starter.project):
        raise DeployerError(
            f"{starter.project!r} is no name of a project; use up to 63 small letters, digits, - and _, "
            "starting with a letter or digit"
        )
    files = starter.files()
    if there := [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]:
        raise DeployerError(
            f"{folder} has {listed(there, _SHOWN)} already, and nothing is written over; name another folder"
        )
    _try(files)
    try:
        _write(folder, files)
    except OSError as error:
        raise DeployerError(f"{error.filename} cannot be written ({error.strerror}); name another folder") from None
    return list(files)


def _try(files: Mapping[str, str]) -> None:
    """Raise DeployerError where what would be written is not valid: a model or URL may hold anything."""
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), files)
        found = Project.validate(Path(folder) / "assistants.yaml", account="embedded", environ={})
    if wrong := [one for one in found.problems if one.severity is Severity.ERROR]:
        told = "; ".join(f"{one.address}: {one.message}; {one.remedy}" for one in wrong[:1])
        raise DeployerError(f"nothing is written, since it would not be valid: {told}")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
