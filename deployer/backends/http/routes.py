"""Where the objects of each kind are on each surface, and what goes with every request there: a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from deployer.backends.http.client import Place, Places
from deployer.kinds import SURFACES
from deployer.model import AccountSettings

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Route:
    """Where the objects of a kind are, what an answer calls them, and what goes with every request to them.

    `versioned`: each is named, and a row of versions. `unlike`: fields that only objects of another product have under
    this path, each with what it is.
    """

    path: str
    object: str
    headers: Mapping[str, str]
    versioned: bool = False
    unlike: Mapping[str, str] = field(default_factory=lambda: _NONE)


_ASSISTANTS = MappingProxyType({"OpenAI-Beta": "assistants=v2"})
_AGENTS = MappingProxyType({"OpenAI-Beta": "agents=v1"})
STORES = Route("/vector_stores", "vector_store", _ASSISTANTS)
ROUTES: Mapping[str, Mapping[str, Route]] = MappingProxyType(
    {
        "assistants": MappingProxyType(
            {"vector_store": STORES, "assistant": Route("/assistants", "assistant", _ASSISTANTS)}
        ),
        "agents": MappingProxyType(
            {
                "vector_store": STORES,
                "assistant": Route(
                    "/agents", "agent", _AGENTS, unlike={"versions": "agents of Microsoft Foundry: write api: foundry"}
                ),
            }
        ),
        "foundry": MappingProxyType(
            {
                "vector_store": STORES,
                "assistant": Route(
                    "/agents",
                    "agent",
                    _NONE,
                    versioned=True,
                    unlike={"model": "agents of the Agents API: write api: agents"},
                ),
            }
        ),
    }
)
"""By surface and kind. A kind without a row is where its name says: objects `note` in `/notes`."""
SHARED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"assistants": ("agents",), "agents": ("assistants",), "foundry": ("assistants",)}
)
"""By surface the others that one server may serve over the same stores and files, as the embedded account does."""
DEPLOYMENTS = frozenset({"foundry"})
"""Surfaces where a model is the name of a deployment: what the list of models says is of no use."""
_VERSIONED = Place(query={"api-version": "v1"})
_PLACES: Mapping[str, Mapping[str, Place]] = MappingProxyType(
    {"foundry": MappingProxyType({"/agents": _VERSIONED, "/assistants": _VERSIONED, "": Place("/openai/v1")})}
)
"""By surface and collection ("": every other one). On Foundry only agents, and classic ones, need a query."""


def route(surface: str, kind: str) -> Route:
    return ROUTES.get(surface, {}).get(kind) or Route(f"/{kind}s", kind, _NONE)


def routes(surface: str) -> dict[str, Route]:
    """Return the routes of the kinds of a surface that live behind HTTP."""
    return {name: route(surface, name) for name, home in SURFACES[surface].items() if home.backend == "http"}


def headers(*surfaces: str) -> dict[str, Mapping[str, str]]:
    """Return what goes with every request to a collection of these surfaces, by the collection."""
    found = {one.path: one.headers for surface in surfaces for one in routes(surface).values()}
    return {**found, "/threads": _ASSISTANTS}


HEADERS: Mapping[str, Mapping[str, str]] = MappingProxyType(headers("assistants", "agents"))
"""Of the surfaces that one server may serve together."""


def places(settings: AccountSettings) -> Places | None:
    """Return where the collections of an account are, None for all in one place; its query goes where one is taken."""
    found = _PLACES.get(settings.api)
    if found is None:
        return None
    return {
        name: Place(one.prefix, {**one.query, **settings.query}) if one.query else one for name, one in found.items()
    }
