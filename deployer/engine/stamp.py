"""The stamp: ownership and the digests of what was last applied, kept in the object's own metadata.

Three metadata pairs, which leave a user 13 of the API's 16; each value fits the API's 512 characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from deployer.engine import canonical
from deployer.model import Address, Attrs

OWNER = "deployer"
APPLIED = "deployer_applied"
ORIGIN = "deployer_origin"
KEYS = (OWNER, APPLIED, ORIGIN)
_NAME = 6
_CONTENT = 8
_ORDER = 4


@dataclass(frozen=True, slots=True)
class Stamp:
    """`digests` maps the short hash of a field path to the digest of the value that was applied."""

    project: str
    address: Address
    digests: Mapping[str, str]


def read(metadata: Mapping[str, Any] | None) -> Stamp | None:
    """Read a stamp; None on an object that carries none, or one that cannot be read."""
    owner = (metadata or {}).get(OWNER)
    if not isinstance(owner, str) or metadata is None:
        return None
    project, _, address = owner.partition("/")
    try:
        return Stamp(project, Address.parse(address), _digests(str(metadata.get(APPLIED, ""))))
    except ValueError:
        return None


def _digests(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split())
    return {name: digest for name, _, digest in pairs}


def write(project: str, address: Address, attrs: Attrs, origin: str) -> dict[str, str]:
    applied = " ".join(f"{name_of(path)}={digest(value)}" for path, value in fields(attrs).items())
    return {OWNER: f"{project}/{address}", APPLIED: applied, ORIGIN: origin}


def fields(attrs: Attrs) -> dict[str, Any]:
    """Give the fields that are compared and stamped one by one: metadata key by key, the rest whole."""
    result = {name: value for name, value in attrs.items() if name != "metadata"}
    for key, value in (attrs.get("metadata") or {}).items():
        result[f"metadata/{key}"] = value
    return result


def without(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give the pairs that are the user's own."""
    return {key: value for key, value in (metadata or {}).items() if key not in KEYS}


@cache
def name_of(path: str) -> str:
    return canonical.sha256(path)[:_NAME]


def digest(value: Any) -> str:
    return canonical.sha256(value)[:_CONTENT] + canonical.ordered_sha256(value)[:_ORDER]


def same_content(stamped: str, value: Any) -> bool:
    return stamped[:_CONTENT] == digest(value)[:_CONTENT]


def same_order(stamped: str, value: Any) -> bool:
    return stamped[_CONTENT:] == canonical.ordered_sha256(value)[:_ORDER]
