"""What a machine may lack: tests that need it say so and are skipped."""

from __future__ import annotations

import shutil

import pytest

GIT = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
MAKE = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
NODE = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
