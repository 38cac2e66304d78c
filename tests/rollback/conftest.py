"""A project that has something to go back to."""

from __future__ import annotations

import pytest

from tests.support.project import Project
from tests.support.rollback import run, write_new, write_old


@pytest.fixture
def moved_on(project: Project) -> Project:
    """A project that went from the old state to the new one."""
    write_old(project)
    run(project, "apply", "--yes")
    write_new(project)
    run(project, "apply", "--yes", "--prune")
    return project
