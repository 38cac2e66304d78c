"""Assistants as code: a manifest in git, a reconciler, three API surfaces and an embedded account.

from deployer import Project

project = Project.load("assistants.yaml", account="production")
plan = project.plan()
result = project.apply(plan, on_event=print)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployer.errors import AccountError, DeployerError
    from deployer.model import OnDrift, Problem, ProblemsFound
    from deployer.project import ApplyResult, ApplyStatus, Notice, Project, ProjectPlan, Silence, StopSignal, Waiting

__version__ = "0.1.0"
__all__ = [
    "AccountError",
    "ApplyResult",
    "ApplyStatus",
    "DeployerError",
    "Notice",
    "OnDrift",
    "Problem",
    "ProblemsFound",
    "Project",
    "ProjectPlan",
    "Silence",
    "StopSignal",
    "Waiting",
]
_MODULES = ("deployer.errors", "deployer.model", "deployer.project")


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: to start is to import almost nothing."""
    from importlib import import_module

    if name in __all__:
        for module in map(import_module, _MODULES):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
