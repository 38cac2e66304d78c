"""The order of changes: what is referred to comes first, deletes come last and the other way round.

vector_store  ──▶  assistant        create, update
assistant     ──▶  vector_store     delete
"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from deployer.errors import DeployerError
from deployer.model import Action, Address, Change


def arrange(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Sort changes so that each comes after what it requires; equals by address. A cycle is an error naming it."""
    keep = [change for change in changes if change.action is not Action.DELETE]
    gone = [change for change in changes if change.action is Action.DELETE]
    return (*_sorted(keep), *_sorted(gone))


def _sorted(changes: Sequence[Change]) -> list[Change]:
    by_address = {change.address: change for change in sorted(changes, key=lambda change: change.address)}
    graph = {address: [one for one in change.requires if one in by_address] for address, change in by_address.items()}
    return [by_address[address] for address in topological(graph)]


def topological(graph: Mapping[Address, Sequence[Address]]) -> list[Address]:
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        members = " → ".join(str(address) for address in error.args[1])
        raise DeployerError(f"these refer to each other in a circle: {members}; remove one of the references") from None
    result: list[Address] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        result.extend(ready)
        sorter.done(*ready)
    return result
