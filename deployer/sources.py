"""The bytes of a document: a file below the manifest's folder, or what a URL names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deployer import remote
from deployer.errors import DeployerError
from deployer.remote import is_url

__all__ = ["is_url", "open_source", "readable", "size"]


def open_source(root: Path, source: str) -> BinaryIO:
    """Open a document for reading from its start; DeployerError when that cannot be done.

    What a URL names is fetched whole before this returns: where others wait (an event loop), call it in a thread.
    """
    if is_url(source):
        return remote.fetched(source)
    with readable(source):
        return (root / source).open("rb")


def size(root: Path, source: str) -> int:
    """Return how many bytes a document has now; DeployerError when it cannot be told."""
    if is_url(source):
        return remote.size(source)
    with readable(source):
        return (root / source).stat().st_size


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Turn what the system says about a file into a sentence."""
    try:
        yield
    except OSError as error:
        raise DeployerError(f"{source} cannot be read ({error.strerror}); check its permissions") from None
