"""What a surface cannot carry of what is declared, told once for each field, however many resources declare it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from deployer.kinds.base import Kind, Loss
from deployer.model import Position, Problem, Resource, Severity, Target
from deployer.wording import listed

RULE = "surface"
"""What the rule of such a problem begins with; the field of the table follows."""
_NAMED = 3


def losses(target: Target, kinds: Mapping[str, Kind], one: Resource, accepted: Collection[str] = ()) -> list[Problem]:
    """Name the declared fields that the surface cannot carry: a warning each, an error where nothing can go.

    Fields (by the table of what surfaces carry) that are `accepted` are not told.
    """
    return [
        Problem(
            _told(target, loss),
            "",
            f"{one.address}.{loss.path}",
            one.position(loss.path),
            Severity.ERROR if loss.fatal else Severity.WARNING,
            f"{RULE}:{loss.field}" if loss.field else "",
        )
        for loss in kinds[one.address.kind].express(one.attrs).losses
        if not loss.field or loss.field not in accepted
    ]


def _told(target: Target, loss: Loss) -> str:
    if loss.fatal:
        return loss.why
    return f"{'' if loss.sent else 'not '}sent to account {target.name}: {loss.why}"


def is_loss(problem: Problem) -> bool:
    return problem.rule.startswith(RULE)


def told_once(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems, those about one field of the table as one: at its first place, with the others named."""
    groups: dict[object, list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.rule, problem.severity) if is_loss(problem) else id(problem), []).append(problem)
    return [_as_one(sorted(group, key=_place)) for group in groups.values()]


def _place(one: Problem) -> tuple[Position, str]:
    """Return where a problem is: what is told first does not depend on the order of resources."""
    return one.position or Position("", 0, 0), one.address


def _as_one(group: Sequence[Problem]) -> Problem:
    first = group[0]
    others = dict.fromkeys(one.address.partition(".")[0] for one in group)
    others.pop(first.address.partition(".")[0])
    if not others:
        return first
    return replace(first, message=f"{first.message} (also {listed([*others], _NAMED)})")


def strict(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems, with every loss an error."""
    return tuple(replace(one, severity=Severity.ERROR) if is_loss(one) else one for one in problems)
