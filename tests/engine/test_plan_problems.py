"""What a plan says beside its changes, what it is about with targets, and in which order it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deployer.engine import plan, stamp
from deployer.engine.draft import Scope
from deployer.errors import DeployerError
from deployer.kinds import kinds_of
from deployer.model import (
    Action,
    Address,
    Change,
    DeleteFile,
    DesiredFile,
    LiveFile,
    LiveObject,
    OnDrift,
    Position,
    Problem,
    Reason,
    Resource,
    Severity,
    Target,
    Why,
)

A, S = Address("assistant", "a"), Address("vector_store", "s")
AT = {"": Position("assistants.yaml", 3, 5)}


def scope(**rest: Any) -> Scope:
    return Scope("p", Target("here", "assistants", ""), kinds_of("assistants"), **rest)


def problems(scope: Scope, desired: Resource, *live: LiveObject) -> list[Problem]:
    return list(plan.build(scope, [desired], live).problems)


def store(pairs: Mapping[str, str], *names: str) -> LiveObject:
    """A live store whose memberships carry nothing; its map names its documents."""
    tokens = {stamp.name_of(name): f"{number:012}" for number, name in enumerate(names)}
    mark = stamp.write("p", S, {"name": "S", "metadata": pairs}, "") | stamp.file_pairs(tokens)
    files = tuple(LiveFile(name, None, None, "completed", 1, 1) for name in names)
    return LiveObject("vector_store", "vs_1", {"name": "S", "metadata": {**pairs, **mark}}, files)


def documents(count: int) -> tuple[DesiredFile, ...]:
    return tuple(DesiredFile(f"docs/{number}.md", 1, f"{number:064}") for number in range(count))


@pytest.mark.parametrize(("there", "come", "said"), ((0, 25, False), (0, 26, True), (1, 25, True), (10, 15, False)))
def test_a_store_that_cannot_name_its_documents(there: int, come: int, *, said: bool) -> None:
    """With twelve pairs of the user there is room for one that names documents; old ones go after new ones came."""
    pairs = {f"key{number:02}": "x" for number in range(12)}
    desired = Resource(S, {"name": "S", "metadata": pairs}, documents(come))
    live = store(pairs, *(f"file_{number}" for number in range(there)))
    text = (
        "account here keeps no attributes of documents, so the metadata of the store names them: "
        f"25 at most, and with what comes there would be {there + come}"
    )
    remedy = "split the store, or see deployer doctor --account here --probe"
    crowded = [one for one in problems(scope(attributes=False), desired, live) if "names them" in one.message]
    assert crowded == ([Problem(text, remedy, "vector_store/s.files")] if said else [])
    fresh = [one for one in problems(scope(attributes=False), desired) if "names them" in one.message]
    assert len(fresh) == (come > 25)
    assert not [one for one in problems(scope(), desired, live) if "names them" in one.message]


def test_attributes_that_an_account_does_not_keep_are_told() -> None:
    files = (DesiredFile("a.md", 1, "a", attributes={"level": 1, "team": "x"}), DesiredFile("b.md", 1, "b"))
    said = problems(scope(attributes=False), Resource(S, {"name": "S"}, files))
    text = "not sent to account here: it keeps no attributes of documents (level, team)"
    remedy = "file search cannot filter by them there"
    assert said == [Problem(text, remedy, "vector_store/s.files", severity=Severity.WARNING)]
    assert problems(scope(), Resource(S, {"name": "S"}, files)) == []
    assert problems(scope(attributes=False), Resource(S, {"name": "S"}, files[1:])) == []
    assert problems(scope(attributes=False, prune=True), Resource(A, {"model": "m"}), store({}, "file_1")) == []


@pytest.mark.parametrize("kept", (False, True))
def test_what_the_service_did_not_take_is_told_and_sent_again(*, kept: bool) -> None:
    attrs = {"model": "m", "name": "wanted"}
    form = {stamp.name_of(("name",)): stamp.ServiceForm.of("other", taken=False)}
    mark = stamp.write("p", A, attrs, "", forms=form)
    live = LiveObject("assistant", "asst_1", {"model": "m", "name": "other", "metadata": mark})
    asked = scope(on_drift=OnDrift.KEEP if kept else OnDrift.FAIL)
    said = problems(asked, Resource(A, attrs), live)
    text = "account here did not take it when it was sent; it is sent again"
    remedy = "declare what the service holds there, or nothing"
    assert said == [Problem(text, remedy, "assistant/a.name", severity=Severity.WARNING)]
    (change,) = plan.build(asked, [Resource(A, attrs)], [live]).changes
    assert [(one.name, one.untaken, one.kept) for one in change.fields] == [("name", True, False)]


def test_files_that_an_interrupted_run_left_are_deleted_in_order() -> None:
    def deleted(file_id: str) -> Change:
        why, address = Reason(Why.LEFT_OVER), Address("file", file_id)
        return Change(address, Action.DELETE, why, file_id, operations=(DeleteFile(file_id),))

    assert plan.left_over_files(["file_2", "file_1"]) == (deleted("file_1"), deleted("file_2"))
    left = {"file_2": "f" * 64, "file_1": "", "file_3": f"{0:064}", "file_4": "e" * 64}
    desired, live = Resource(S, {"name": "S"}, documents(1)), store({}, "file_4")
    built = plan.build(scope(), [desired], [live], left)
    assert [one.address.name for one in built.changes if one.address.kind == "file"] == ["file_1", "file_2"]
    targeted = plan.build(scope(targets=(S,)), [desired], [live], left)
    assert [one.address for one in targeted.changes] == [S]


def test_an_update_says_what_it_means_for_those_who_use_the_object() -> None:
    """Only updates do, at the place of the resource; what is kept means nothing."""
    target = Target("here", "agents", "")
    kinds = kinds_of("agents")
    mark = stamp.write("p", A, {"model": "m", "name": "a"}, "")
    live = LiveObject("assistant", "agent_1", {"model": "m", "name": "a", "metadata": mark})
    changed = plan.build(Scope("p", target, kinds), [Resource(A, {"model": "n", "name": "a"}, (), AT)], [live])
    told = [kinds["assistant"].consequence(one.fields, {"model": "n"}) for one in changed.changes]
    said = [one for one in changed.problems if one.message in told]
    assert len(said) == sum(map(bool, told))
    assert all((one.position, one.address) == (AT[""], str(A)) for one in said)
    same = plan.build(Scope("p", target, kinds), [Resource(A, {"model": "m", "name": "a"}, (), AT)], [live])
    assert same.problems == ()


def assistant(name: str, *stores: str) -> Resource:
    tools = [{"type": "file_search", "vector_stores": [f"vector_store/{one}" for one in stores]}]
    return Resource(Address("assistant", name), {"model": "m", **({"tools": tools} if stores else {})})


def test_targets_come_with_what_they_need() -> None:
    kinds, b, t = kinds_of("assistants"), Address("assistant", "b"), Address("vector_store", "t")
    every = [assistant("a", "s"), Resource(S, {"name": "S"}), Resource(t, {"name": "T"}), assistant("b", "t", "s")]
    for targets, needed in (((A,), {A, S}), ((b,), {b, S, t}), ((S,), {S}), ((A, b), {A, b, S, t}), ((), set())):
        assert [one.address for one in plan.with_needs(kinds, every, targets)] == [
            one.address for one in every if one.address in needed
        ]
    assert plan.with_needs(kinds, [assistant("a", "gone")], [A]) == [assistant("a", "gone")]


def owned(address: Address, live_id: str, created_at: int, **raw: Any) -> LiveObject:
    whole = {"model": "m", "created_at": created_at, "metadata": stamp.write("p", address, {"model": "m"}, ""), **raw}
    return LiveObject(address.kind, live_id, whole)


def test_with_targets_nothing_else_is_deleted_or_moved() -> None:
    b = Address("assistant", "b")
    live = [owned(A, "asst_1", 1), owned(b, "asst_2", 2)]
    for targets, gone in (((), [b]), ((A,), []), ((A, b), [b])):
        built = plan.build(scope(prune=True, targets=targets), [Resource(A, {"model": "m"})], live)
        assert [one.address for one in built.changes if one.action is Action.DELETE] == gone


def test_two_objects_at_one_address_are_an_error_that_names_them() -> None:
    b = Address("assistant", "b")
    live = [owned(A, "asst_2", 2), owned(A, "asst_1", 1), owned(b, "asst_3", 3), owned(b, "asst_4", 4)]
    remedy = "deployer apply --prune keeps the oldest one"
    both = {
        A: Problem("asst_1, asst_2 carry this address, which one object may", remedy, str(A)),
        b: Problem("asst_3, asst_4 carry this address, which one object may", remedy, str(b)),
    }
    assert plan.duplicates(scope(), live, ()) == list(both.values())
    assert plan.duplicates(scope(), live, ("asst_2",)) == [both[b]]
    assert plan.duplicates(scope(), live[1:], ()) == [both[b]]
    expired = owned(S, "vs_1", 1, status="expired")
    assert plan.duplicates(scope(), [expired, owned(S, "vs_2", 2)], ()) == []
    many = [owned(A, f"asst_{number}", number) for number in range(5)]
    assert "asst_0, asst_1" in plan.duplicates(scope(), many, ())[0].message


def test_each_comes_after_what_it_needs_and_equals_by_address() -> None:
    a, b, c, d = (Address("assistant", one) for one in "abcd")
    assert plan.topological({a: [c], b: [c, d], c: [d], d: []}) == [d, c, a, b]
    assert plan.topological({d: [], b: [], a: []}) == [a, b, d]
    why = "these refer to each other in a circle: assistant/[ab] → assistant/[ab] → assistant/[ab]; remove one of"
    with pytest.raises(DeployerError, match=why):
        plan.topological({a: [b], b: [a], c: []})


def test_what_is_deleted_goes_last_and_after_its_users() -> None:
    why = Reason(Why.UNDECLARED)
    gone = [Change(S, Action.DELETE, why, "vs_1", requires=(A,)), Change(A, Action.DELETE, why, "asst_1")]
    b, t = Address("assistant", "b"), Address("vector_store", "t")
    made = [Change(b, Action.CREATE, why, requires=(t, S)), Change(t, Action.CREATE, why)]
    assert [one.address for one in plan.arrange([*gone, *made])] == [t, b, A, S]


@pytest.mark.parametrize(("pairs", "said"), ((13, False), (14, True)))
def test_an_object_holds_sixteen_pairs_with_the_stamp(pairs: int, *, said: bool) -> None:
    attrs = {"model": "m", "metadata": {f"key{number:02}": "x" for number in range(pairs)}}
    text = "with deployer's stamp it would have 17 metadata pairs; an object holds 16"
    crowded = Problem(text, "remove 1 on the account or in the manifest", "assistant/a")
    assert problems(scope(), Resource(A, attrs)) == ([crowded] if said else [])


def test_what_is_moved_to_an_address_that_is_live_is_an_error() -> None:
    b = Address("assistant", "b")
    found = problems(scope(moved=((b, A),)), Resource(A, {"model": "m"}), owned(A, "asst_1", 1), owned(b, "asst_2", 2))
    text = "both assistant/b and assistant/a are live, so nothing can be moved"
    assert Problem(text, "delete one of them, or remove the entry of moved", "assistant/a") in found
