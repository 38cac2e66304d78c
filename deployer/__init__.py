"""Assistants as code: a manifest in git, a reconciler, its API surfaces and an embedded account.

from deployer import Project

project = Project.load("assistants.yaml", account="production")
plan = project.plan()
result = project.apply(plan, on_event=print)

from deployer import load_bundle    # light: what an application needs of `api: responses`

response = client.responses.create(**load_bundle("bundles/production/math-tutor.json", "2x = 4?"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployer.bundles import load_bundle
    from deployer.errors import AccountError, DeployerError
    from deployer.knowledge import search_knowledge
    from deployer.model import OnDrift, Problem, ProblemsFound
    from deployer.project import (
        ApplyResult,
        ApplyStatus,
        Notice,
        Project,
        ProjectPlan,
        Silence,
        StopSignal,
        Unlisted,
        Waiting,
    )

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
    "Unlisted",
    "Waiting",
    "load_bundle",
    "search_knowledge",
]
_MODULES = ("deployer.bundles", "deployer.knowledge", "deployer.errors", "deployer.model", "deployer.project")


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: to start is to import almost nothing."""
    from importlib import import_module

    if name in __all__:
        for place in _MODULES:  # the light ones first, and no more than needed
            module = import_module(place)
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
