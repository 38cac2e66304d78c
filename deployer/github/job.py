"""What GitHub tells a job, and where the job answers: outputs, summary, annotations."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError

_MOST_SUMMARY = 1_000_000
"""Bytes that GitHub takes as the summary of a step (1 MiB)."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job: its repository (`owner/name`), its event, the commit that it runs on, and the number of its run.

    Runs count up in a repository, so a later run has the higher number. `token` is the job's own, for GitHub's API.
    """

    repository: str
    event: Mapping[str, Any]
    sha: str
    run: int
    api_url: str
    token: str
    output: Path | None = None
    summary: Path | None = None
    url: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Job:
        """Read the environment that GitHub gives to a job; DeployerError outside one."""
        missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_EVENT_PATH") if not environ.get(name)]
        if missing:
            raise DeployerError(f"{missing[0]} is not set: this command is for a job of GitHub Actions")
        if environ.get("GITHUB_EVENT_NAME") == "pull_request_target":
            raise DeployerError(
                "on pull_request_target a stranger's files would be read with your secrets; use pull_request instead"
            )
        server, run = environ.get("GITHUB_SERVER_URL", "https://github.com"), environ.get("GITHUB_RUN_ID", "0")
        repository = environ["GITHUB_REPOSITORY"]
        return cls(
            repository,
            _event(Path(environ["GITHUB_EVENT_PATH"])),
            environ.get("GITHUB_SHA", ""),
            int(run) if run.isdecimal() else 0,
            environ.get("GITHUB_API_URL", "https://api.github.com"),
            environ.get("GITHUB_TOKEN", ""),
            _path(environ, "GITHUB_OUTPUT"),
            _path(environ, "GITHUB_STEP_SUMMARY"),
            f"{server}/{repository}/actions/runs/{run}",
        )

    @property
    def pull_request(self) -> int | None:
        """The number of the pull request that the event is about."""
        found = self.event.get("pull_request")
        return int(found["number"]) if isinstance(found, Mapping) else None

    @property
    def from_fork(self) -> bool:
        """Whether the pull request comes from another repository: its job gets no secrets, and may not comment."""
        head = (self.event.get("pull_request") or {}).get("head") or {}
        return bool(head) and (head.get("repo") or {}).get("full_name") != self.repository

    @property
    def head(self) -> str:
        """The commit that is looked at: of a pull request its own, not the merge that GitHub made of it."""
        found = (self.event.get("pull_request") or {}).get("head") or {}
        return str(found.get("sha") or self.sha)

    def give(self, name: str, value: object) -> None:
        """Set an output of the step; no value can begin another one."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        self._write(self.output, f"{name}<<{(end := secrets.token_hex(8))}\n{text}\n{end}\n")

    def sum_up(self, markdown: str) -> None:
        """Add to the summary of the job."""
        self._write(self.summary, f"{markdown.encode()[:_MOST_SUMMARY].decode(errors='ignore')}\n")

    def warn(self, sentence: str) -> None:
        """Say something beside the log, as an annotation."""
        escaped = sentence.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        sys.stdout.write(f"::warning title=deployer::{escaped}\n")

    @staticmethod
    def _write(path: Path | None, text: str) -> None:
        if path:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _event(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DeployerError(f"the event in {path} cannot be read ({why}); this command is for a GitHub job") from None
    return found if isinstance(found, Mapping) else {}
