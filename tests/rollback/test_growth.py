"""The work of a rollback grows with what there is, and no faster."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deployer.model import Resource
from tests.support.growth import exponent
from tests.support.memory import Story, assistant, document, moves, store, using

SMALL, LARGE = 10, 40
BAR = 1.1
Work = Callable[[], object]


def many(size: int, model: str = "m") -> list[Resource]:
    """An assistant with a store of its own, with one document, for each unit of size."""
    stores = [store(f"s{number}", document(f"docs/{number}.md", f"{number}")) for number in range(size)]
    return [*stores, *(assistant(f"a{number}", model=model, tools=using(f"s{number}")) for number in range(size))]


def told(size: int) -> Story:
    story = Story()
    story.tree = [file for one in many(size) for file in one.files]
    return story


def of_a_destroy(size: int) -> Work:
    story = told(size)
    story.apply(*many(size))
    story.apply()
    return story.plan_back


def of_a_first_apply(size: int) -> Work:
    story = told(size)
    story.apply(*many(size))
    return story.plan_back


def of_a_killed_first_apply(size: int) -> Work:
    story = told(size)
    story.apply(*many(size), recorded=False)
    return story.plan_back


def of_a_change_of_everything(size: int) -> Work:
    story = told(size)
    story.apply(*many(size))
    story.apply(*many(size, "n"))
    return story.plan_back


def of_a_change_of_one(size: int) -> Work:
    story = told(size)
    story.apply(*many(size))
    story.apply(*many(size)[:-1], assistant(f"a{size - 1}", model="n", tools=using(f"s{size - 1}")))
    return story.plan_back


def of_many_runs(size: int) -> Work:
    story = told(0)
    for number in range(size):
        story.apply(*(assistant(f"a{one}") for one in range(number // 4, number)))
    return lambda: story.plan_back(1)


def of_moves(size: int) -> Work:
    story = told(0)
    story.apply(*(assistant(f"a{number}") for number in range(size)))
    pairs = moves(*((f"assistant/a{number}", f"assistant/b{number}") for number in range(size)))
    story.apply(*(assistant(f"b{number}") for number in range(size)), moved=tuple(pairs))
    return story.plan_back


def of_an_adoption(size: int) -> Work:
    """Objects that were foreign are so again, with their documents."""
    story = told(size)
    story.apply(*many(size))
    for change in story.chain[-1]["changes"]:
        change["action"], change["object"] = "adopt", {"metadata": {}}
        change["id"] = change.pop("made")
        change["files"] = []
    return story.plan_back


WORKS = (
    of_a_destroy,
    of_a_first_apply,
    of_a_killed_first_apply,
    of_a_change_of_everything,
    of_a_change_of_one,
    of_many_runs,
    of_moves,
    of_an_adoption,
)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("work", WORKS)
def test_the_plan_of_a_rollback_is_linear(work: Callable[[int], Work]) -> None:
    assert exponent(work, SMALL, LARGE) <= BAR


def test_the_measure_sees_what_is_not_linear() -> None:
    def quadratic(size: int) -> Work:
        return lambda: [one for one in range(size) for _ in range(size)]

    assert exponent(quadratic, SMALL, LARGE) > 1.7
