"""The laws of the engine, each over generated values."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deployer.engine import canonical, diff, guard, plan, plan_json, stamp
from deployer.engine.draft import Scope
from deployer.engine.plan_json import plan_data
from deployer.errors import DeployerError
from deployer.kinds import assistant, kinds_of
from deployer.manifest import schema
from deployer.model import (
    Action,
    Address,
    Attrs,
    Change,
    FieldChange,
    FieldPath,
    LiveObject,
    Plan,
    Reason,
    Resource,
    Target,
    Why,
)
from deployer.render.formats import rendered
from tests.support import strategies

TARGET = Target("test", "assistants", "http://localhost/v1")
SCOPE = Scope("test", TARGET, kinds_of("assistants"))
PRUNE = Scope("test", TARGET, kinds_of("assistants"), prune=True)
RESETS = assistant.KIND.resets


def expressed(attrs: Attrs) -> Attrs:
    return assistant.express(attrs).attrs


def shuffled(value: Any) -> Any:
    """The same JSON value with the keys of every mapping in another order."""
    if isinstance(value, dict):
        return {key: shuffled(item) for key, item in reversed(value.items())}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def digests(attrs: Attrs) -> Mapping[str, str]:
    return {stamp.name_of(path): stamp.digest(value) for path, value in stamp.fields(attrs).items()}


@given(strategies.assistants)
def test_nothing_differs_from_itself(attrs: Attrs) -> None:
    mine = expressed(attrs)
    assert diff.compare(mine, mine, assistant.DEFAULTS, RESETS, diff.Base({})) == ()
    assert diff.compare(mine, mine, assistant.DEFAULTS, RESETS, diff.Base(digests(mine))) == ()


@given(strategies.assistants, strategies.assistants)
def test_the_order_of_keys_inside_live_values_makes_no_difference(one: Attrs, other: Attrs) -> None:
    live, desired = dict(expressed(one)), expressed(other)
    mixed = {key: live[key] if key == "tools" else shuffled(live[key]) for key in reversed(live)}
    found = diff.compare(live, desired, assistant.DEFAULTS, RESETS, diff.Base({}))
    assert found == diff.compare(mixed, desired, assistant.DEFAULTS, RESETS, diff.Base({}))
    assert [change.path for change in found] == sorted(change.path for change in found)


@given(strategies.assistants, strategies.assistants, strategies.assistants)
def test_changes_make_live_what_desired_says_and_touch_nothing_else(before: Attrs, now: Attrs, live_: Attrs) -> None:
    applied, desired = expressed(before), expressed(now)
    live = {**assistant.DEFAULTS, "metadata": {}, **expressed(live_)}
    changes = diff.compare(live, desired, assistant.DEFAULTS, RESETS, diff.Base(digests(applied)))
    result = patched(stamp.fields(live), changes)
    wanted, was = stamp.fields(desired), stamp.fields(live)
    for path, value in result.items():
        if path in wanted:
            assert canonical.same(value, wanted[path])
        elif stamp.name_of(path) not in digests(applied):
            assert canonical.same(value, was[path]), "never declared, so never touched"
        else:
            default = assistant.DEFAULTS.get(path[0]) if len(path) == 1 else None
            assert value is None or canonical.same(value, default), "no longer declared, so back to the default"
    assert not wanted.keys() - result.keys()


TOOLS = ("tools",)


def patched(fields: Mapping[FieldPath, Any], changes: tuple[FieldChange, ...]) -> dict[FieldPath, Any]:
    """Apply field changes the way a person would read them."""
    result = dict(fields)
    tools = {change.path[1]: change.new for change in changes if change.path[0] == "tools" and len(change.path) > 1}
    for change in changes:
        if change.path[0] != "tools":
            result[change.path] = change.new
    order_ = next((change.new for change in changes if change.path == TOOLS), None)
    merged = {**(result.get(TOOLS) or {}), **tools}
    kept = {name: tool for name, tool in merged.items() if tool is not None}
    if order_ is not None:
        kept = {name: kept[name] for name in order_}
    if kept or TOOLS in result or tools:
        result[TOOLS] = kept
    return result


@given(strategies.assistants, strategies.assistants)
def test_a_change_says_who_moved_the_field(before: Attrs, now: Attrs) -> None:
    applied, moved = expressed(before), expressed(now)
    in_git = diff.compare(applied, moved, assistant.DEFAULTS, RESETS, diff.Base(digests(applied)))
    assert {change.origin for change in in_git} <= {"manifest"}
    shared = {path for path in stamp.fields(applied) if path in stamp.fields(moved)}
    on_account = diff.compare(moved, applied, assistant.DEFAULTS, RESETS, diff.Base(digests(applied)))
    assert {change.origin for change in on_account if stamp.whole(change.path) in shared} <= {"account"}


@given(strategies.assistants)
def test_a_stamp_reads_back_and_fits_the_api(attrs: Attrs) -> None:
    address = Address("assistant", "a" * 63)
    mark = stamp.write("p" * 63, address, expressed(attrs), "4f2c1ab")
    assert len(mark) == 3
    assert all(len(key) <= 64 and len(value) <= 512 for key, value in mark.items())
    found = stamp.read({**mark, "team": "x"})
    assert found is not None
    assert (found.project, found.address, found.digests) == ("p" * 63, address, digests(expressed(attrs)))


def test_a_stamp_of_every_field_and_thirteen_pairs_fits_the_api() -> None:
    attrs = dict.fromkeys(assistant.DEFAULTS, "x") | {"metadata": {f"{n:064d}": "v" for n in range(13)}}
    mark = stamp.write("p" * 63, Address("assistant", "a" * 63), attrs, "")
    assert max(map(len, mark.values())) <= 512


def live_of(resource: Resource, number: int, project: str = "test") -> LiveObject:
    """The object that an apply of this resource would have left, in the API's form."""
    kind = kinds_of("assistants")[resource.address.kind]
    attrs = kind.express(resource.attrs).attrs
    body = kind.wire(attrs, None).fields
    mark = stamp.write(project, resource.address, attrs, "")
    raw = {**body, "id": f"id_{number}", "created_at": number, "metadata": {**(attrs.get("metadata") or {}), **mark}}
    return LiveObject(resource.address.kind, f"id_{number}", raw)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Resource], list[LiveObject]]:
    """Desired resources; live: some of them as they are, some as they were, some orphans, some foreign."""
    names = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=6))
    resources = [Resource(Address("assistant", name), draw(strategies.assistants)) for name in names]
    earlier = [Resource(Address("assistant", name), draw(strategies.assistants)) for name in "abcdefghij"]
    live = []
    for number, old in enumerate(earlier):
        fate = draw(st.sampled_from(["absent", "as declared", "as it was", "foreign", "unstamped"]))
        same = next((one for one in resources if one.address == old.address), old)
        if fate == "as declared":
            live.append(live_of(same, number))
        elif fate == "as it was":
            live.append(live_of(old, number))
        elif fate == "foreign":
            live.append(live_of(old, number, project="other"))
        elif fate == "unstamped":
            live.append(LiveObject("assistant", f"id_{number}", {"id": f"id_{number}", "model": "m", "metadata": {}}))
    return resources, live


@given(worlds(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_its_inputs(
    world: tuple[list[Resource], list[LiveObject]], chance: random.Random
) -> None:
    resources, live = world
    first = plan.build(PRUNE, resources, live)
    chance.shuffle(resources)
    chance.shuffle(live)
    second = plan.build(PRUNE, resources, live)
    assert first == second
    assert plan_json.fingerprint(first) == plan_json.fingerprint(second)


@given(worlds())
def test_foreign_objects_never_appear_and_nothing_is_deleted_without_consent(
    world: tuple[list[Resource], list[LiveObject]],
) -> None:
    resources, live = world
    ours = {one.id for one in live if (found := stamp.read(one.raw["metadata"])) and found.project == "test"}
    careful, pruned = plan.build(SCOPE, resources, live), plan.build(PRUNE, resources, live)
    for built in (careful, pruned):
        touched = {getattr(one, "id", None) for change in built.changes for one in change.operations}
        assert not touched - {None} - ours
        assert {change.live_id for change in built.changes if change.live_id} == ours
    assert not [change for change in careful.changes if change.action is Action.DELETE]


@pytest.mark.slow
@given(worlds())
def test_a_plan_is_valid_json_with_a_fingerprint_that_survives(
    world: tuple[list[Resource], list[LiveObject]],
) -> None:
    built = plan.build(PRUNE, *world)
    data = json.loads(rendered("plan", "json", built))
    Draft202012Validator(schema.load("plan.schema.json")).validate(data)
    mark = data.pop("fingerprint")
    assert data == json.loads(json.dumps(plan_data(built)))
    data["scope"]["origin"] = "another commit of the same files"
    assert mark == plan_json.fingerprint_of(data) == plan_json.fingerprint(built)
    data["project"] = "another"
    assert mark != plan_json.fingerprint_of(data)


@given(worlds())
def test_a_plan_that_was_saved_is_shown_as_it_was(world: tuple[list[Resource], list[LiveObject]]) -> None:
    found = plan.build(PRUNE, *world)
    again = plan_json.read(json.loads(json.dumps(plan_json.published(found))))
    for form in ("text", "json", "markdown", "html"):
        assert rendered("plan", form, again) == rendered("plan", form, found)


@given(worlds())
def test_what_is_live_as_declared_is_no_change(world: tuple[list[Resource], list[LiveObject]]) -> None:
    resources, _ = world
    live = [live_of(resource, number) for number, resource in enumerate(resources)]
    assert plan.build(PRUNE, resources, live).pending == ()


graphs = st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.sampled_from("abcdefgh"), max_size=3), max_size=8)


@given(graphs)
def test_every_change_comes_after_what_it_requires(graph: dict[str, set[str]]) -> None:
    acyclic = {name: {other for other in needs if other < name} for name, needs in graph.items()}
    changes = [made(name, Action.CREATE, needs) for name, needs in acyclic.items()]
    changes += [
        made(name.upper(), Action.DELETE, {other.upper() for other in needs}) for name, needs in acyclic.items()
    ]
    arranged = plan.arrange(changes)
    place = {change.address: index for index, change in enumerate(arranged)}
    assert len(arranged) == len(changes)
    assert all(place[need] < place[one.address] for one in arranged for need in one.requires if need in place)
    actions = [change.action for change in arranged]
    assert actions == sorted(actions, key=lambda action: action is Action.DELETE)


def made(name: str, action: Action, needs: set[str]) -> Change:
    return Change(
        Address("x", name), action, Reason(Why.UNTOUCHED), requires=tuple(Address("x", need) for need in sorted(needs))
    )


def test_a_circle_is_an_error_that_names_its_members() -> None:
    changes = [made("a", Action.CREATE, {"b"}), made("b", Action.CREATE, {"a"})]
    with pytest.raises(DeployerError, match=r"x/a.*x/b|x/b.*x/a"):
        plan.arrange(changes)


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_guard_stops_mass_deletion_and_names_its_override(kept: int, gone: int) -> None:
    def live(count: int, action: Action) -> list[Change]:
        return [Change(Address("x", f"{action}{n}"), action, Reason(Why.UNTOUCHED), f"id{n}") for n in range(count)]

    built = Plan("p", TARGET, tuple(live(kept, Action.NO_OP) + live(gone, Action.DELETE)))
    if kept + gone >= 10 and gone > 0.3 * (kept + gone):
        with pytest.raises(DeployerError, match=f"{gone} of {kept + gone} .*--force prune-limit"):
            guard.check(built)
    else:
        guard.check(built)
    guard.check(built, [guard.PRUNE_LIMIT])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_same_means_the_same_canonical_text(one: Any, other: Any) -> None:
    assert canonical.same(one, other) == (canonical.text(one) == canonical.text(other))
    assert canonical.same(one, shuffled(one))


def test_true_is_not_one_but_one_is_one_point_nought() -> None:
    assert not canonical.same({"a": [True]}, {"a": [1]})
    assert canonical.same({"a": [1]}, {"a": [1.0]})
