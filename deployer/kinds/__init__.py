"""What a surface can hold: one pure module for each kind, and the literal table of surfaces.

A kind turns desired attrs into the body of a request and a live object into attrs, both in one canonical form. It knows
its API's field names, defaults and reset values; everything else (diff, order, stamps, execution) is the engine's.
"""

from collections.abc import Mapping

from deployer.kinds import agent, assistant, bundle, foundry, vector_store
from deployer.kinds.base import (
    BESIDE,
    Body,
    Expressed,
    FileForm,
    HeldIds,
    Home,
    Kind,
    Loss,
    Memberships,
    Naming,
    StampHome,
    Versions,
)
from deployer.model import AccountSettings

SURFACES: dict[str, dict[str, Home]] = {
    "assistants": {"vector_store": Home(vector_store.KIND), "assistant": Home(assistant.KIND)},
    "agents": {"vector_store": Home(vector_store.KIND), "assistant": Home(agent.KIND)},
    "responses": {"vector_store": Home(vector_store.KIND), "assistant": Home(bundle.KIND, "folder")},
    "foundry": {"vector_store": Home(vector_store.KIND), "assistant": Home(foundry.KIND)},
}
"""By surface and kind: the kind, and the backend where its objects are."""


def kinds_of(surface: str, settings: AccountSettings | None = None) -> Mapping[str, Kind]:
    """Return the kinds of a surface by name, with what an account's settings say; none for an unknown surface."""
    found = {name: home.kind for name, home in SURFACES.get(surface, {}).items()}
    if settings is None:
        return found
    return {name: kind.informed(settings) if kind.informed else kind for name, kind in found.items()}


__all__ = [
    "BESIDE",
    "SURFACES",
    "Body",
    "Expressed",
    "FileForm",
    "HeldIds",
    "Home",
    "Kind",
    "Loss",
    "Memberships",
    "Naming",
    "StampHome",
    "Versions",
    "kinds_of",
]
