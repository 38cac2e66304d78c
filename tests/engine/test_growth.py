"""Planning costs what there is to plan: comparisons are counted, at two sizes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deployer.apply.usage import OtherUsers
from deployer.backends.account import Account
from deployer.backends.base import Holder, NoFiles
from deployer.engine.uploads import Releases
from deployer.kinds import kinds_of
from deployer.model import AccountSettings, FileAction, Resource
from deployer.render import preview
from tests.support.growth import exponent
from tests.support.memory import Story, assistant, document, moves, store, using

SMALL, LARGE = 15, 60
BAR = 1.1
Work = Callable[[], object]


class Counted(list[str]):
    """Ids that were attached anew; `read` counts how often one of them is looked at."""

    read = 0

    def __iter__(self) -> Iterator[str]:
        for one in super().__iter__():
            self.read += 1
            yield one


@pytest.mark.parametrize("size", (10, 1000))
def test_files_that_go_are_compared_once_with_those_that_stay(size: int) -> None:
    releases, used = Releases(), Counted(f"stays-{number}" for number in range(size))
    for number in range(size):
        releases.add(f"goes-{number}", "vector_store/docs", f"key {number}")
    deletes = releases.deletes({}, used)
    assert [len(found) for found in deletes.values()] == [size]
    assert used.read == size


def objects(size: int, model: str = "m", key: str = "a") -> list[Resource]:
    stores = [store(f"s{number}", document(f"docs/{number}.md", f"{number}")) for number in range(size)]
    return [*stores, *(assistant(f"{key}{number}", model=model, tools=using(f"s{number}")) for number in range(size))]


def documents(size: int, path: str, content: str) -> Resource:
    return store("docs", *(document(path.format(number), content.format(number)) for number in range(size)))


def applied(*resources: Resource) -> Story:
    story = Story()
    story.apply(*resources)
    return story


def of_nothing_new(size: int) -> Work:
    story = applied(*objects(size))
    return lambda: story.plan(*objects(size))


def of_everything_new(size: int) -> Work:
    return lambda: Story().plan(*objects(size))


def of_everything_changed(size: int) -> Work:
    story = applied(*objects(size))
    return lambda: story.plan(*objects(size, "n"))


def of_objects_that_go(size: int) -> Work:
    return applied(*objects(size)).plan


def of_objects_beside_foreign_ones(size: int) -> Work:
    story = applied(*objects(size))
    for _ in range(size):
        story.account.make("assistant", {"model": "m", "metadata": {}, "tools": []})
    return lambda: story.plan(*objects(size, "n"))


def of_objects_with_another_address(size: int) -> Work:
    story = applied(*objects(size))
    moved = tuple(moves(*((f"assistant/a{number}", f"assistant/b{number}") for number in range(size))))
    return lambda: story.apply(*objects(size, key="b"), moved=moved)


def of_one_move(size: int) -> Work:
    story = applied(*objects(size))
    return lambda: story.apply(*objects(size), moved=tuple(moves(("assistant/before", "assistant/a0"))))


def of_documents_that_go(size: int) -> Work:
    story = applied(documents(size, "docs/{}.md", "{}"))
    return lambda: story.plan(store("docs"))


def of_a_folder_that_is_renamed(size: int) -> Work:
    story = applied(documents(size, "old/{}.md", "{}"))
    return lambda: story.plan(documents(size, "new/{}.md", "{}"))


def of_a_folder_of_one_content_that_is_renamed(size: int) -> Work:
    story = applied(documents(size, "old/{}.md", "same"))
    return lambda: story.plan(documents(size, "new/{}.md", "same"))


def of_one_name_and_content_that_move(size: int) -> Work:
    story = applied(documents(size, "old/{}/a.md", "same"))
    return lambda: story.plan(documents(size, "new/{}/a.md", "same"))


def of_one_content_under_new_names(size: int) -> Work:
    story = applied(documents(size, "docs/{}.md", "same"))
    return lambda: story.plan(documents(size, "docs/{}.txt", "same"))


def of_one_content_in_another_store(size: int) -> Work:
    """Each File object is looked at once, however many hold the same."""
    story = applied(documents(size, "docs/{}/a.md", "same"))
    other = store("other", *(document(f"docs/{number}/a.md", "same") for number in range(size)))
    return lambda: story.plan(documents(size, "docs/{}/a.md", "same"), other)


def of_what_is_shown(size: int) -> Work:
    found = Story().plan(*objects(size))
    return lambda: [*preview.changes(found)]


WORKS = tuple(work for name, work in sorted(globals().items()) if name.startswith("of_"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("work", WORKS)
def test_a_plan_is_linear(work: Callable[[int], Work]) -> None:
    assert exponent(work, SMALL, LARGE) <= BAR


class Listed(NoFiles):
    """An account with foreign holders: assistants and small stores that hold other files, and one large store."""

    def __init__(self, size: int) -> None:
        self._size = size

    async def holders(self) -> list[Holder]:
        nothing = frozenset[str]()
        named = [Holder(f"asst_{one}", f"assistant {one}", nothing, frozenset({f"other_{one}"})) for one in self._all]
        stores = [Holder(f"vs_{one}", f"store {one}", nothing, nothing, is_store=True, count=1) for one in self._all]
        return [*named, *stores, Holder("vs_large", "large", nothing, nothing, is_store=True, count=100)]

    async def member_ids(self, store: str) -> frozenset[str]:
        return frozenset({f"member_of_{store}"})

    async def has_member(self, store: str, file_id: str) -> bool:
        return (store, file_id) == ("vs_large", "member_of_vs_large")

    @property
    def _all(self) -> range:
        return range(self._size)


def of_files_that_are_deleted(size: int) -> Work:
    files: Any = Listed(size)
    kinds = kinds_of("assistants")
    backend: Any = type("Only", (), {"files": files})()
    account = Account(AccountSettings("here", "assistants"), kinds, {}, {"http": backend})

    async def ask() -> None:
        users = OtherUsers(account, lambda one: one.startswith("owned"))
        found = [await users.holder(f"file_{number}") for number in range(size)]
        assert set(found) == {None}
        assert await users.holder("other_0") == "assistant 0"
        assert await users.holder("member_of_vs_0") == "store 0"
        assert await users.holder("member_of_vs_large") == "large"

    return lambda: asyncio.run(ask())


def test_deleting_files_beside_foreign_objects_is_linear() -> None:
    assert exponent(of_files_that_are_deleted, 40, 160) <= BAR


def test_each_spare_copy_is_used_once_and_the_best_comes_first() -> None:
    """The same name before another one, and what is left over goes."""
    story = applied(
        store("docs", document("old/a.md", "same"), document("old/b.md", "same"), document("old/c.md", "x"))
    )
    found = story.plan(store("docs", document("new/b.md", "same"), document("new/z.md", "same")))
    (change,) = found.changes
    assert [(one.action, one.path, [live.path for live in one.live]) for one in change.files] == [
        (FileAction.MOVE, "new/b.md", ["old/b.md"]),
        (FileAction.REPLACE, "new/z.md", ["old/a.md"]),
        (FileAction.REMOVE, "old/c.md", ["old/c.md"]),
    ]
