"""No large value stands in a repr: the interpreter makes one of what a coroutine returns."""

from __future__ import annotations

from deployer.model import (
    Action,
    Address,
    Change,
    FieldChange,
    LiveFile,
    LiveObject,
    Origin,
    Plan,
    Reason,
    Resource,
    Target,
    Why,
)
from deployer.model.operations import Create, Update

ADDRESS = Address("assistant", "tutor")
LARGE = "Answer briefly. " * 1_000


def test_a_plan_of_large_values_has_a_short_repr() -> None:
    attrs = {"instructions": LARGE}
    operations = (Create(ADDRESS, attrs), Update(ADDRESS, "asst_1", attrs))
    field = FieldChange(("instructions",), LARGE, LARGE, Origin.MANIFEST)
    live = LiveObject("assistant", "asst_1", attrs, (LiveFile("f", None, None, "completed", None, 0, error=LARGE),))
    change = Change(ADDRESS, Action.UPDATE, Reason(Why.FIELDS), fields=(field,), operations=operations)
    plan = Plan("p", Target("a", "agents", ""), (change,), desired=(Resource(ADDRESS, attrs),), live=(live,))
    for value in (plan, change, field, live, plan.desired, operations):
        assert len(repr(value)) < 2_000
        assert "Answer" not in repr(value)
