"""What differs between live and desired, and who moved it: each case is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from deployer.engine import diff, stamp
from deployer.engine.diff import Base
from deployer.model import FieldPath, Origin

M, A, B = Origin.MANIFEST, Origin.ACCOUNT, Origin.BOTH
Row = tuple[str, Any, Any, Origin]


@dataclass(frozen=True)
class Case:
    """`applied`: what the last apply sent; `has` and `had`: what the service has of it, as its own form or untaken."""

    live: Mapping[str, Any]
    desired: Mapping[str, Any]
    changes: tuple[Row, ...]
    applied: Mapping[str, Any] | None = None
    has: Mapping[FieldPath, Any] = field(default_factory=dict)
    had: Mapping[FieldPath, Any] = field(default_factory=dict)
    untaken: tuple[str, ...] = ()

    @property
    def base(self) -> Base:
        if self.applied is None:
            return Base()
        forms = {path: stamp.ServiceForm.of(value) for path, value in self.has.items()}
        forms |= {path: stamp.ServiceForm.of(value, taken=False) for path, value in self.had.items()}
        named = {stamp.name_of(path): form for path, form in forms.items()}
        return Base(stamp.applied(stamp.fields(self.applied)), named)


DEFAULTS: Mapping[str, Any] = {
    "name": None,
    "temperature": 1.0,
    "description": None,
    "instructions": "",
    "tools": {},
    "metadata": {},
}
RESETS = {"name": "", "temperature": 1.0, "description": "", "instructions": ""}
NAME, TEAM = ("name",), ("metadata", "team")
ADD, DIVIDE = {"type": "function", "name": "add"}, {"type": "function", "name": "divide"}
SEARCH = {"type": "file_search"}

CASES = {
    "nothing": Case({"name": "a"}, {"name": "a"}, ()),
    "never_applied": Case({"name": "a"}, {"name": "b"}, (("name", "a", "b", M),)),
    "git_moved": Case({"name": "a"}, {"name": "b"}, (("name", "a", "b", M),), {"name": "a"}),
    "the_account_moved": Case({"name": "b"}, {"name": "a"}, (("name", "b", "a", A),), {"name": "a"}),
    "both_moved": Case({"name": "c"}, {"name": "b"}, (("name", "c", "b", B),), {"name": "a"}),
    "none_is_no_difference_from_what_is_unset": Case({"name": "a"}, {"name": "a", "description": None}, ()),
    "none_is_no_difference_from_the_default": Case({"temperature": 1}, {"temperature": None, "name": None}, ()),
    "none_is_not_what_was_set": Case({"temperature": 2}, {"temperature": None}, (("temperature", 2, None, M),)),
    "what_comes_after_one_that_is_unset": Case(
        {"name": "x"}, {"description": None, "name": "y"}, (("name", "x", "y", M),)
    ),
    "sorted_by_path": Case(
        {"name": "a", "description": "b", "metadata": {"z": "1"}},
        {"name": "x", "metadata": {"z": "2"}, "description": "y"},
        (("description", "b", "y", M), ("metadata/z", "1", "2", M), ("name", "a", "x", M)),
    ),
    "released_goes_back_to_the_default": Case(
        {"name": "a", "temperature": 0.2},
        {"name": "a"},
        (("temperature", 0.2, 1.0, M),),
        {"name": "a", "temperature": 0.2},
    ),
    "released_with_a_default_that_is_sent_otherwise": Case({"name": "a"}, {}, (("name", "a", "", M),), {"name": "a"}),
    "released_and_edited": Case({"name": "b"}, {}, (("name", "b", "", B),), {"name": "a"}),
    "released_and_at_its_default": Case({"temperature": 1}, {}, (), {"temperature": 0.2}),
    "released_and_gone": Case({"description": None}, {}, (), {"description": "a"}),
    "a_released_pair_goes": Case(
        {"metadata": {"team": "x"}}, {}, (("metadata/team", "x", None, M),), {"metadata": {"team": "x"}}
    ),
    "not_declared_never_applied": Case({"name": "a", "metadata": {"team": "x"}}, {}, (), {}),
    "not_reported_and_as_applied": Case({}, {"name": "a"}, (), {"name": "a"}),
    "not_reported_and_moved": Case({}, {"name": "b"}, (("name", None, "b", M),), {"name": "a"}),
    "not_reported_and_never_applied": Case({}, {"name": "b"}, (("name", None, "b", M),)),
    "a_pair_is_reported_where_metadata_is": Case(
        {"metadata": {}}, {"metadata": {"team": "x"}}, (("metadata/team", None, "x", A),), {"metadata": {"team": "x"}}
    ),
    "no_pair_is_reported_where_metadata_is_not": Case({}, {"metadata": {"team": "x"}}, (), {"metadata": {"team": "x"}}),
    "a_form_of_the_service_is_no_edit": Case({"name": "A"}, {"name": "a"}, (), {"name": "a"}, has={NAME: "A"}),
    "a_form_and_git_moved": Case(
        {"name": "A"}, {"name": "b"}, (("name", "A", "b", M),), {"name": "a"}, has={NAME: "A"}
    ),
    "a_form_and_the_account_moved": Case(
        {"name": "X"}, {"name": "a"}, (("name", "X", "a", A),), {"name": "a"}, has={NAME: "A"}
    ),
    "a_form_and_both_moved": Case(
        {"name": "X"}, {"name": "b"}, (("name", "X", "b", B),), {"name": "a"}, has={NAME: "A"}
    ),
    "a_form_of_what_is_released": Case({"name": "A"}, {}, (("name", "A", "", M),), {"name": "a"}, has={NAME: "A"}),
    "untaken_is_sent_again": Case(
        {"name": "old"}, {"name": "a"}, (("name", "old", "a", M),), {"name": "a"}, had={NAME: "old"}, untaken=("name",)
    ),
    "untaken_and_git_moved": Case(
        {"name": "old"}, {"name": "b"}, (("name", "old", "b", M),), {"name": "a"}, had={NAME: "old"}
    ),
    "untaken_and_the_account_moved": Case(
        {"name": "X"}, {"name": "a"}, (("name", "X", "a", A),), {"name": "a"}, had={NAME: "old"}
    ),
    "a_pair_under_a_key_of_the_service": Case(
        {"metadata": {" Team": "x"}}, {"metadata": {"team": "x"}}, (), {"metadata": {"team": "x"}}, has={TEAM: "x"}
    ),
    "a_pair_under_such_a_key_that_was_edited": Case(
        {"metadata": {"zone": "a", "TEAM": "y"}},
        {"metadata": {"team": "x"}},
        (("metadata/team", "y", "x", A),),
        {"metadata": {"team": "x"}},
        has={TEAM: "x"},
    ),
    "without_a_form_such_a_key_is_another_pair": Case(
        {"metadata": {"TEAM": "x"}},
        {"metadata": {"team": "x"}},
        (("metadata/team", None, "x", A),),
        {"metadata": {"team": "x"}},
    ),
    "such_a_key_that_is_declared_itself": Case(
        {"metadata": {"TEAM": "x"}},
        {"metadata": {"team": "x", "TEAM": "x"}},
        (("metadata/team", None, "x", A),),
        {"metadata": {"team": "x", "TEAM": "x"}},
        has={TEAM: "y"},
    ),
    "no_field_is_a_pair_of_the_same_name": Case(
        {"team": "x", "metadata": {}},
        {"metadata": {"team": "x"}},
        (("metadata/team", None, "x", A),),
        {"metadata": {"team": "x"}},
        has={TEAM: "y"},
    ),
    "a_field_has_no_other_key": Case(
        {"Name": "a"}, {"name": "b"}, (("name", None, "b", M),), {"name": "a"}, has={NAME: "a"}
    ),
    "a_tool_of_several": Case(
        {"tools": {"add": ADD, "file_search": SEARCH}},
        {"tools": {"add": {**ADD, "strict": True}, "file_search": SEARCH}},
        (("tools/add", ADD, {**ADD, "strict": True}, M),),
    ),
    "a_tool_more_and_one_less": Case(
        {"tools": {"add": ADD}},
        {"tools": {"divide": DIVIDE}},
        (("tools/add", ADD, None, M), ("tools/divide", None, DIVIDE, M)),
    ),
    "the_first_tools": Case({"tools": None}, {"tools": {"add": ADD}}, (("tools/add", None, ADD, M),)),
    "the_last_tools_edited": Case(
        {"tools": {"divide": DIVIDE}}, {}, (("tools/divide", DIVIDE, None, B),), {"tools": {"add": ADD}}
    ),
    "the_order_of_tools": Case(
        {"tools": {"add": ADD, "divide": DIVIDE}},
        {"tools": {"divide": DIVIDE, "add": ADD}},
        (("tools", {"add": ADD, "divide": DIVIDE}, {"divide": DIVIDE, "add": ADD}, M),),
        {"tools": {"add": ADD, "divide": DIVIDE}},
    ),
    "the_order_on_the_account_is_no_edit": Case(
        {"tools": {"divide": DIVIDE, "add": ADD}},
        {"tools": {"add": ADD, "divide": DIVIDE}},
        (),
        {"tools": {"add": ADD, "divide": DIVIDE}},
    ),
    "an_order_that_was_never_applied": Case(
        {"tools": {"add": ADD, "divide": DIVIDE}}, {"tools": {"divide": DIVIDE, "add": ADD}}, ()
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_differs_and_who_moved_it(case: Case) -> None:
    changes = diff.compare(case.live, case.desired, DEFAULTS, RESETS, case.base)
    assert tuple((one.name, one.old, one.new, one.origin) for one in changes) == case.changes
    assert tuple(one.name for one in changes if one.untaken) == case.untaken


@dataclass(frozen=True)
class Known:
    """What the stamp must forget, and what it must learn though nothing is to be changed."""

    live: Mapping[str, Any]
    desired: Mapping[str, Any]
    applied: Mapping[str, Any]
    forgets: tuple[FieldPath, ...] = ()
    learns: tuple[FieldPath, ...] = ()


STAMPED = {
    "as_applied": Known({"name": "a"}, {"name": "a"}, {"name": "a"}),
    "made_by_hand_as_declared": Known({"name": "b"}, {"name": "b"}, {"name": "a"}, learns=(NAME,)),
    "declared_as_it_was_made_by_hand": Known(
        {"name": "a", "metadata": {"team": "x"}}, {"name": "a", "metadata": {"team": "x"}}, {}, learns=(TEAM, NAME)
    ),
    "unset_and_at_its_default": Known(
        {"temperature": 1, "description": "a"},
        {"temperature": None, "description": None},
        {},
        learns=(("temperature",),),
    ),
    "different": Known({"name": "a"}, {"name": "b"}, {"name": "a"}),
    "declared_at_its_default_that_is_not_live": Known({"temperature": 2}, {"temperature": None}, {}),
    "not_live": Known({}, {"description": None}, {}),
    "no_longer_declared": Known({"name": "a"}, {}, {"name": "a"}, forgets=(NAME,)),
    "no_longer_declared_nor_reported": Known({}, {}, {"description": "a"}, forgets=(("description",),)),
    "a_pair_no_longer_declared": Known(
        {"metadata": {"team": "x", "zone": "y"}}, {}, {"metadata": {"team": "x"}}, forgets=(TEAM,)
    ),
    "never_applied": Known({"name": "a"}, {}, {}),
}


@pytest.mark.parametrize("case", STAMPED.values(), ids=STAMPED)
def test_what_the_stamp_forgets_and_learns(case: Known) -> None:
    digests = stamp.applied(stamp.fields(case.applied))
    assert diff.releases(case.live, case.desired, DEFAULTS, digests) == case.forgets
    assert diff.agreed(case.live, case.desired, DEFAULTS, digests) == case.learns


def test_functions_say_what_a_change_means_for_the_application() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
    wider = {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}}, "required": ["x", "y"]}
    live = {"name": "a", "tools": {"add": {**ADD, "parameters": schema}, "file_search": SEARCH}}
    desired = {"name": "b", "tools": {"add": {**ADD, "parameters": wider}, "divide": DIVIDE}}
    changes = diff.with_compatibility(diff.compare(live, desired, DEFAULTS, RESETS, Base()), live, desired)
    said = {one.name: [(effect.pointer, effect.breaking, effect.kind) for effect in one.effects] for one in changes}
    assert said == {
        "name": [],
        "tools/add": [(("parameters", "properties", "y"), True, "property-added")],
        "tools/divide": [((), True, "function-added")],
        "tools/file_search": [],
    }
    assert all(one.what.startswith("is a new ") for change in changes for one in change.effects)
    named = diff.compare({"name": "a"}, {"name": "b"}, DEFAULTS, RESETS, Base())
    assert diff.with_compatibility(named, {"name": "a"}, {"name": "b"}) == named
