"""Files of a code interpreter that changed read as replacements, whatever the account calls the old ones."""

from __future__ import annotations

import pytest

from deployer.engine import plan, stamp
from deployer.engine.draft import Scope
from deployer.engine.plan_json import plan_data
from deployer.engine.uploads import token
from deployer.kinds import kinds_of
from deployer.model import Address, DesiredFile, LiveObject, Plan, Resource
from tests.render.plans import TARGET, shown

TUTOR = Address("assistant", "tutor")
ATTRS = {"model": "m", "tools": [{"type": "code_interpreter"}]}
KINDS = kinds_of("assistants")


def file(text: str) -> DesiredFile:
    """`a1`: the file data/a.csv with the bytes 1."""
    return DesiredFile(f"data/{text[0]}.csv", 10, text[1] * 64)


def a_plan(before: str, after: str, *, listed: str = "") -> Plan:
    """The plan from files `before` to files `after`; the account lists the old ones in its own order."""
    had = {f"file-{one}": token(file(one).name, file(one).sha256) for one in before.split()}
    express = KINDS["assistant"].express(ATTRS).attrs
    mark = stamp.write("school", TUTOR, express, "")
    files = " ".join(f"{stamp.name_of(ident)}={content}" for ident, content in had.items())
    ids = [f"file-{one}" for one in listed.split()] or list(had)
    raw = {
        **KINDS["assistant"].wire(express, None).fields,
        "id": "asst_1",
        "created_at": 1,
        "tool_resources": {"code_interpreter": {"file_ids": ids}},
        "metadata": {**mark, stamp.FILES: files},
    }
    resource = Resource(TUTOR, ATTRS, tuple(file(one) for one in after.split()))
    return plan.build(Scope("school", TARGET, KINDS), [resource], [LiveObject("assistant", "asst_1", raw)])


def lines(before: str, after: str, *, listed: str = "") -> list[str]:
    return [line.strip() for line in shown(a_plan(before, after, listed=listed))[1:]]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    (
        ("a1", "a2", ["~ data/a.csv  10 B  replaces file-a1"]),
        ("a1 b1 c1", "a1 b2 c1", ["~ data/b.csv  10 B  replaces file-b1"]),
        ("a1 b1", "a2 b2", ["~ data/a.csv  10 B  replaces file-a1", "~ data/b.csv  10 B  replaces file-b1"]),
        ("a1 b1 c1", "a2 b1 c2", ["~ data/a.csv  10 B  replaces file-a1", "~ data/c.csv  10 B  replaces file-c1"]),
        ("a1 b1", "a1", ["- file-b1    no longer in the manifest"]),
        ("a1", "a1 b1", ["+ data/b.csv  10 B"]),
        (
            "a1 b1",
            "a2",
            [
                "+ data/a.csv  10 B",
                "- file-a1    what it holds is no longer in the manifest",
                "- file-b1    what it holds is no longer in the manifest",
            ],
        ),
        (
            "a1 b1 c1",
            "a2 b1 c1 d1",
            ["~ data/a.csv  10 B  replaces file-a1", "+ data/d.csv  10 B"],
        ),
    ),
)
def test_what_stands_in_the_place_of_another_replaces_it(before: str, after: str, expected: list[str]) -> None:
    assert lines(before, after) == expected


def test_the_order_in_which_an_account_lists_them_means_nothing() -> None:
    assert lines("a1 b1 c1", "a2 b1 c2", listed="c1 b1 a1") == lines("a1 b1 c1", "a2 b1 c2")


def test_what_happens_is_still_told_to_programs_as_it_is() -> None:
    files = plan_data(a_plan("a1", "a2"))["changes"][0]["files"]
    assert [len(files[action]) for action in ("add", "remove", "replace")] == [1, 1, 0]
