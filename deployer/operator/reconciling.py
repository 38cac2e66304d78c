"""One round of an AssistantProject: its manifest made live on its account, and what stands of it, as conditions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError, UsageError
from deployer.kinds.losses import is_loss
from deployer.model import Problem
from deployer.project import ApplyResult, PlanOptions, Project
from deployer.wording import listed

_SHOWN = 3
_FILE = re.compile(r"[-._A-Za-z0-9]+")
_MANIFEST = "assistants.yaml"


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """Where things are for one resource: a folder for its files, their texts by name, and secrets by name."""

    folder: Path
    files: Mapping[str, str]
    secrets: Mapping[str, str]

    def write(self) -> Path:
        """Write the files, remove those that went, and return that of the manifest; UsageError without one."""
        wrong = [name for name in self.files if not _FILE.fullmatch(name) or name.startswith(".")]
        if wrong or _MANIFEST not in self.files:
            what = f"{wrong[0]!r} is no name of a file" if wrong else f"there is no {_MANIFEST}"
            raise UsageError(f"{what}; a ConfigMap needs the key {_MANIFEST}, its other keys are files beside it")
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            if old.is_file() and not old.name.startswith(".") and old.name not in self.files:
                old.unlink()
        for name, text in self.files.items():
            path = self.folder / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
        return self.folder / _MANIFEST


@dataclass(frozen=True, slots=True)
class StatusCondition:
    """One condition of a resource, in the words of the Kubernetes API."""

    type: str
    status: bool
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a round found and did; `changed` counts the changes that were done."""

    conditions: tuple[StatusCondition, ...]
    resources: int = 0
    changed: int = 0
    account: str = ""

    @property
    def ready(self) -> bool:
        return any(one.type == "Ready" and one.status for one in self.conditions)

    @property
    def drifted(self) -> bool:
        return any(one.type == "Drifted" and one.status for one in self.conditions)


def waiting(names: Collection[str]) -> Reconciled:
    """Return what stands of a resource that refers to something that is not there yet."""
    return Reconciled(
        (StatusCondition("Ready", status=False, reason="Waiting", message=f"not there: {', '.join(names)}"),)
    )


def loaded(spec: Mapping[str, Any], sources: ProjectFiles) -> Project:
    """Return the project of a resource; DeployerError where its manifest is wrong."""
    variables, account = dict(spec.get("variables") or {}), spec.get("account")
    return Project.load(sources.write(), account=account, variables=variables, environ=sources.secrets)


async def reconciled(spec: Mapping[str, Any], sources: ProjectFiles) -> Reconciled:
    """Look for drift, apply, and say what stands; nothing is raised for what the result can say."""
    try:
        project = loaded(spec, sources)
    except DeployerError as error:
        return Reconciled(
            (StatusCondition("Ready", status=False, reason="ManifestInvalid", message=_seen(error, sources)),)
        )
    options = PlanOptions(prune=bool(spec.get("prune")), on_drift=spec.get("onDrift", "fail"))
    try:
        drift = await project.adrift()
    except DeployerError as error:
        return Reconciled(
            (StatusCondition("Ready", status=False, reason="AccountUnreadable", message=_seen(error, sources)),)
        )
    result = await project.aapply(prune=options.prune, on_drift=options.on_drift)
    moved = [str(one.address) for one in drift.moved]
    drifted = StatusCondition("Drifted", bool(moved), "Edited" if moved else "AsApplied", listed(moved, _SHOWN))
    conditions = (_ready(result), drifted, _unsupported(result.plan.problems if result.plan else ()))
    done = sum(one.status.value == "done" for one in result.outcomes)
    return Reconciled(conditions, len(project.manifest.resources), done, project.target.name)


def _seen(error: DeployerError, sources: ProjectFiles) -> str:
    """Return the sentences with files as their resource names them."""
    return str(error).replace(f"{sources.folder.as_posix()}/", "")


def _ready(result: ApplyResult) -> StatusCondition:
    if result.ok:
        return StatusCondition("Ready", status=True, reason="Applied", message="the next plan is empty")
    failed = [f"{one.address}: {one.why}" for one in result.outcomes if one.why]
    return StatusCondition(
        "Ready", status=False, reason=result.status.value.title(), message=result.why or listed(failed, _SHOWN)
    )


def _unsupported(problems: Sequence[Problem]) -> StatusCondition:
    told = [one.message for one in problems if is_loss(one)]
    reason = "NotCarried" if told else "AllCarried"
    return StatusCondition("UnsupportedFeatures", bool(told), reason, listed(told, _SHOWN, "; "))


async def destroyed(spec: Mapping[str, Any], sources: ProjectFiles) -> str:
    """Delete what the resource owns on its account; return why not, or "" when it is done.

    What is protected keeps everything, until it is declared with `protect: false`.
    """
    try:
        project = loaded(spec, sources)
    except DeployerError as error:
        return str(error)
    result = await project.adestroy(confirm=project.name)
    return "" if result.ok else result.why or "not everything could be deleted"


def told(found: Reconciled, before: Sequence[Mapping[str, Any]], generation: int, now: str) -> list[dict[str, Any]]:
    """Return the conditions for the status; the time of a transition is kept while the status is what it was."""
    known = {one["type"]: one for one in before}
    result = []
    for one in found.conditions:
        status, old = str(one.status), known.pop(one.type, {})
        since = old.get("lastTransitionTime", now) if old.get("status") == status else now
        row = {"type": one.type, "status": status, "reason": one.reason, "message": one.message[:1024]}
        result.append({**row, "lastTransitionTime": since, "observedGeneration": generation})
    return [*result, *({**old, "status": "Unknown", "observedGeneration": generation} for old in known.values())]
