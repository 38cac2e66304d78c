"""deployer rollback where addresses moved: objects are followed by their ids, whatever they are called now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.commands.test_drift import ask, ids
from tests.support.project import Project
from tests.support.rollback import account, run, snapshots, unrecorded
from tests.support.whole import Whole


def deploy(project: Project, *states: str) -> None:
    for state in states:
        project.manifest(state)
        run(project, "apply", "--yes", "--prune")


def moved(old: str, new: str) -> str:
    return f"moved: [{{from: {old}, to: {new}}}]\n"


def live(project: Project) -> Mapping[str, str]:
    """Give the models of today by the address in the stamp."""
    return {one["metadata"]["deployer"].rpartition("/")[2]: one["model"] for one in account(project).assistants}


def back_to(project: Project, number: int) -> str:
    return run(project, "rollback", snapshots(project)[number].stem, "--yes").out


def test_what_was_made_and_then_moved_is_deleted(project: Project) -> None:
    deploy(
        project, "assistants: {a: {model: m}}\n", moved("assistant/a", "assistant/b") + "assistants: {b: {model: m}}\n"
    )
    assert "- assistant/b" in back_to(project, 0)
    assert account(project) == Whole([], [], {}, {})
    assert "Nothing to do" in back_to(project, 0)


def test_also_when_it_moved_twice_and_changed_on_the_way(project: Project) -> None:
    deploy(
        project,
        "assistants: {stays: {model: m}}\n",
        "assistants: {stays: {model: m}, a: {model: m}}\n",
        moved("assistant/a", "assistant/b") + "assistants: {stays: {model: m}, b: {model: n}}\n",
        moved("assistant/b", "assistant/c") + "assistants: {stays: {model: m}, c: {model: o}}\n",
    )
    back_to(project, 1)
    assert live(project) == {"stays": "m"}


def test_a_store_with_documents_that_moved_goes_with_its_files(project: Project) -> None:
    project.write("docs/a.md", "a")
    user = "assistants: {{tutor: {{model: m, tools: [{{type: file_search, vector_stores: [{}]}}]}}}}\n"
    stores = "vector_stores: {{{}: {{files: [docs/**]}}}}\n"
    deploy(
        project,
        (stores + user).format("old", "old"),
        moved("vector_store/old", "vector_store/new") + (stores + user).format("new", "new"),
    )
    back_to(project, 0)
    assert account(project) == Whole([], [], {}, {})


def test_what_was_there_is_not_deleted_because_it_has_the_address_of_what_was_made(project: Project) -> None:
    deploy(
        project,
        "assistants: {old: {model: old}}\n",
        "assistants: {old: {model: old}, a: {model: made}}\n",
        moved("assistant/a", "assistant/b") + "assistants: {old: {model: old}, b: {model: made}}\n",
        moved("assistant/old", "assistant/a") + "assistants: {a: {model: old}, b: {model: made}}\n",
    )
    before = ids(project)["assistant/a"]
    back_to(project, 1)
    assert live(project) == {"old": "old"}
    assert account(project).assistants[0]["id"] == before, "the very object"


def test_also_when_what_was_made_is_gone(project: Project) -> None:
    deploy(
        project,
        "assistants: {old: {model: old}}\n",
        "assistants: {old: {model: old}, a: {model: made}}\n",
        "assistants: {old: {model: old}}\n",
        moved("assistant/old", "assistant/a") + "assistants: {a: {model: old}}\n",
    )
    back_to(project, 1)
    assert live(project) == {"old": "old"}


def test_what_moved_to_the_address_of_what_was_deleted(project: Project) -> None:
    deploy(
        project,
        "assistants: {a: {model: a}, b: {model: b}}\n",
        "assistants: {a: {model: a}}\n",
        moved("assistant/a", "assistant/b") + "assistants: {b: {model: a}}\n",
    )
    back_to(project, 1)
    assert live(project) == {"a": "a", "b": "b"}


OLD = """
vector_stores: {docs: {name: one, files: [docs/**]}}
assistants: {tutor: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}}
"""
RENAMED = OLD.replace("docs:", "more:").replace("[docs]", "[more]") + moved("vector_store/docs", "vector_store/more")
REUSED = """
vector_stores: {more: {name: one, files: [docs/**]}, docs: {name: two}}
assistants:
  tutor: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}
  second: {model: m, tools: [{type: file_search, vector_stores: [more]}]}
"""


def test_an_address_that_another_object_has_now(project: Project) -> None:
    """What references each of them is no edit of anybody, and the way back from the way back restores both."""
    project.write("docs/a.md", "a")
    deploy(project, OLD)
    before = account(project)
    deploy(project, RENAMED, REUSED)
    after = account(project)
    back_to(project, 1)
    assert account(project).told == before.told
    project.manifest(OLD)
    assert run(project, "plan", "--exit-code").code == 0
    run(project, "rollback", "--yes")
    assert account(project).told == after.told
    project.manifest(REUSED)
    assert run(project, "plan", "--exit-code").code == 0


@pytest.mark.parametrize("model", ("one", "changed"))
def test_two_objects_never_get_one_address(project: Project, model: str) -> None:
    """Something that no snapshot here knows has the address: a person must say what becomes of it."""
    deploy(
        project,
        "assistants: {a: {model: one}}\n",
        moved("assistant/a", "assistant/b") + f"assistants: {{b: {{model: {model}}}}}\n",
    )
    metadata = {"deployer": "test/assistant/a", "deployer_applied": "", "deployer_origin": ""}
    other = ask(project, "POST", "/assistants", {"model": "other", "metadata": metadata})["id"]
    before = account(project)
    result = project.run("rollback", "--yes")
    assert result.code == 1
    assert f"assistant/a: {other} has this address now, but another object had it before" in result.err
    assert account(project) == before
    ask(project, "DELETE", f"/assistants/{other}")
    run(project, "rollback", "--yes")
    assert live(project) == {"a": "one"}


def test_where_no_snapshot_tells_of_the_move_it_stays_and_is_named(project: Project) -> None:
    """Another machine may have moved it after a run that was killed; what has the address now may have been there."""
    deploy(
        project, "assistants: {a: {model: m}}\n", moved("assistant/a", "assistant/b") + "assistants: {b: {model: m}}\n"
    )
    snapshots(project)[1].unlink()
    unrecorded(project)
    assert "warning: assistant/b: stays: it may be what was created as assistant/a and moved since" in back_to(
        project, 0
    )
    assert live(project) == {"b": "m"}


def test_a_second_copy_that_was_pruned_hides_no_change_of_the_first(project: Project) -> None:
    deploy(project, "assistants: {a: {model: one}}\n")
    (first,) = account(project).assistants
    ask(project, "POST", "/assistants", {"model": "one", "metadata": first["metadata"]})
    deploy(project, "assistants: {a: {model: one}}\n", "assistants: {a: {model: two}}\n")
    assert "had expired, or was a second copy" in back_to(project, 1)
    assert live(project) == {"a": "one"}


def test_what_was_deleted_and_made_again_is_taken_and_what_moved_away_is_not(project: Project) -> None:
    states = ("assistants: {a: {model: one}}\n", "assistants: {}\n", "assistants: {a: {model: two}}\n")
    deploy(project, *states)
    again = ids(project)["assistant/a"]
    back_to(project, 1)
    assert (ids(project)["assistant/a"], live(project)) == (again, {"a": "one"})
    deploy(project, moved("assistant/a", "assistant/b") + "assistants: {b: {model: two}}\n")
    back_to(project, 1)
    assert live(project) == {"a": "one"}


def test_what_is_older_than_the_run_was_adopted_and_stays(project: Project) -> None:
    """A run is killed before its create, a person adopts what was there all the time."""
    deploy(project, "assistants: {a: {model: m}}\n")
    unrecorded(project)
    (path,) = snapshots(project)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["time"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    path.write_text(json.dumps(data), encoding="utf-8")
    assert "warning: assistant/a: stays: asst_" in back_to(project, 0)
    assert live(project) == {"a": "m"}
    data["time"] = (datetime.now(UTC) + timedelta(minutes=5)).isoformat(timespec="seconds")
    path.write_text(json.dumps(data), encoding="utf-8")
    back_to(project, 0)
    assert live(project) == {}, "clocks differ by minutes"


NAMES = "abcd"
State = dict[str, str]


def step(chance: Random, before: State) -> tuple[State, str]:
    """Delete, change, move and make some at random; gives what is declared then, and its manifest."""
    state, moves = dict[str, str](), list[str]()
    free = [name for name in NAMES if name not in before]
    for name, model in before.items():
        what = chance.choice(("keep", "keep", "delete", "change", "move"))
        if what == "move" and free:
            new = free.pop(chance.randrange(len(free)))
            state[new] = model
            moves.append(f"{{from: assistant/{name}, to: assistant/{new}}}")
        elif what != "delete":
            state[name] = f"m{chance.randrange(99)}" if what == "change" else model
    state |= {name: f"m{chance.randrange(99)}" for name in free if chance.random() < 0.4}
    declared = ", ".join(f"{name}: {{model: {model}}}" for name, model in state.items())
    return state, f"moved: [{', '.join(moves)}]\nassistants: {{{declared}}}\n"


@pytest.mark.parametrize("seed", range(3))
def test_from_anywhere_to_anywhere(project: Project, seed: int) -> None:
    """Whatever was made, moved, changed and deleted: each address has what it had, the very object if it lives."""
    chance, state, thens = Random(seed), State(), list[dict[str, tuple[str, str]]]()  # noqa: S311
    for _ in range(chance.randint(4, 7)):
        state, text = step(chance, state)
        then, written = objects(project), len(snapshots(project))
        deploy(project, text)
        thens += [then] * (len(snapshots(project)) - written)
    number, now = chance.randrange(len(thens)), objects(project)
    back_to(project, number)
    after, then = objects(project), thens[number]
    assert {name: model for name, (_, model) in after.items()} == {name: model for name, (_, model) in then.items()}
    alive = {live_id for live_id, _ in now.values()}
    assert {one for one in then.items() if one[1][0] in alive} <= set(after.items())


def objects(project: Project) -> dict[str, tuple[str, str]]:
    """Give id and model of each by its address."""
    rows = account(project).assistants
    found = {one["metadata"]["deployer"].rpartition("/")[2]: (one["id"], one["model"]) for one in rows}
    assert len(found) == len(rows), "one object at an address"
    return found
