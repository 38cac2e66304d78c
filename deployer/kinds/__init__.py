"""What a surface can hold: one pure module for each kind, and the literal table of surfaces.

A kind turns desired attrs into the body of a request and a live object into attrs, both in one canonical form. It knows
its API's field names, defaults and reset values; everything else (diff, order, stamps, execution) is the engine's.
"""

from collections.abc import Mapping
from types import MappingProxyType

from deployer.kinds import agent, assistant, vector_store
from deployer.kinds.protocol import Body, Expressed, Kind, Loss

SURFACES: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        "assistants": MappingProxyType({"vector_store": vector_store, "assistant": assistant}),
        "agents": MappingProxyType({"vector_store": vector_store, "assistant": agent}),
    }
)

__all__ = ["SURFACES", "Body", "Expressed", "Kind", "Loss"]
