"""Assistants as code: a manifest in git, a reconciler, three API surfaces and an embedded account."""

__version__ = "0.1.0"
