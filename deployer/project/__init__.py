"""The library: a manifest with an account, from a script, a notebook, a thread or a worker of something larger.

project     Project: what can be done, sync and async
results     what it gives back
events      what a run tells meanwhile, and how it is asked to stop
session     an open account with its manifest; plans are made here
applying    carry out a plan and prove it
saved       a plan that was made earlier
chatting    talk to what is deployed
adoption    take over what deployer did not create
export      a manifest from a live account
undo        rollback, destroy, gc

It prints nothing, asks no one, changes nothing about the process, and knows no command line.
"""

from deployer.backends.base import Silence, Unlisted
from deployer.manifest.references import environment_of
from deployer.manifest.variables import of_file as variables_of
from deployer.model import Begun
from deployer.project.events import Notice, OnEvent, ProjectEvent, StopSignal, Waiting
from deployer.project.project import Project
from deployer.project.results import (
    ApplyResult,
    ApplyStatus,
    Collected,
    Drift,
    Exported,
    Outputs,
    PlanOptions,
    ProjectPlan,
    Validation,
)

__all__ = [
    "ApplyResult",
    "ApplyStatus",
    "Begun",
    "Collected",
    "Drift",
    "Exported",
    "Notice",
    "OnEvent",
    "Outputs",
    "PlanOptions",
    "Project",
    "ProjectEvent",
    "ProjectPlan",
    "Silence",
    "StopSignal",
    "Unlisted",
    "Validation",
    "Waiting",
    "environment_of",
    "variables_of",
]
