"""`moved`: addresses that were renamed, so that what is live under an old one goes on under the new one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from deployer.manifest.document import Document
from deployer.manifest.load import Sources
from deployer.manifest.suggest import nearest
from deployer.model import Address, Problem

Moves = tuple[tuple[Address, Address], ...]


@dataclass(frozen=True, slots=True)
class _Move:
    document: Document
    place: int
    old: Address
    new: Address

    def problem(self, key: str, message: str, remedy: str) -> Problem:
        position = self.document.position(("moved", self.place, key))
        return Problem(message, remedy, f"moved[{self.place}].{key}", position)


def read(sources: Sources) -> tuple[Moves, list[Problem]]:
    """Give old and new address of each move, and every problem. Moves of moves are followed to the end."""
    moves: dict[Address, _Move] = {}
    problems = []
    for move in _moves(sources):
        first = moves.setdefault(move.old, move)
        if first is not move:
            where = first.document.position(("moved", first.place))
            problems.append(move.problem("from", f"{move.old} moves twice, first at {where}", "keep one of them"))
    ends = {old: _end(move, moves) for old, move in moves.items()}
    for old, move in moves.items():
        problems += _wrong(move, ends[old], sources.resources)
    return tuple((old, end) for old, end in ends.items() if end is not None), problems


def _moves(sources: Sources) -> Iterator[_Move]:
    """Give what can be read; the schema reports the rest."""
    for document in sources.documents:
        items = document.data.get("moved")
        for place, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                old, new = _address(item.get("from")), _address(item.get("to"))
                if old and new:
                    yield _Move(document, place, old, new)


def _address(text: object) -> Address | None:
    try:
        return Address.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _end(move: _Move, moves: Mapping[Address, _Move]) -> Address | None:
    """Follow moves to the last address; None when they go in a circle."""
    seen = {move.old}
    while move.new in moves:
        if move.new in seen:
            return None
        seen.add(move.new)
        move = moves[move.new]
    return move.new


def _wrong(move: _Move, end: Address | None, declared: Collection[Address]) -> Iterator[Problem]:
    if move.old.kind != move.new.kind:
        yield move.problem("to", f"{move.old} cannot become {move.new}", "a move keeps the kind")
    elif end is None:
        yield move.problem("to", f"{move.old} moves in a circle", "remove one of the moves")
    elif move.old in declared:
        yield move.problem("from", f"{move.old} is still declared", "remove it, or this move")
    elif move.new == end and end not in declared:
        same = [one.name for one in declared if one.kind == end.kind]
        remedy = nearest(end.name, same, "declare it, or remove this move")
        yield move.problem("to", f"there is no {end}", remedy)
