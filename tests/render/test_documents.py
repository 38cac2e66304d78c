"""Files in a plan: each by name while they are few, counted when they are many; what an apply costs."""

import pytest

from deployer.engine import plan_json
from deployer.model import FileAction, FileChange, Limits, Origin
from tests.render.plans import a_plan, added, document, membership, shown, store, totals, why

GIT = document(1)


@pytest.mark.parametrize(
    ("action", "reason", "said"),
    (
        (FileAction.ADD, "not on the account", "+ docs/00001.md  1.0 kB  nothing to upload"),
        (FileAction.REPLACE, "its content changed", "~ docs/00001.md  1.0 kB  its content changed  nothing to upload"),
        (FileAction.UPDATE, "its attributes changed", "~ docs/00001.md  1.0 kB  its attributes changed"),
        (FileAction.MOVE, "moved from old/1.md", "~ docs/00001.md  1.0 kB  moved from old/1.md"),
        (FileAction.ATTACH, "its chunking changed", "~ docs/00001.md  1.0 kB  its chunking changed"),
        (FileAction.WAIT, "still being ingested", "· docs/00001.md  1.0 kB  still being ingested"),
    ),
)
def test_each_action_has_its_line(action: FileAction, reason: str, said: str) -> None:
    assert shown(a_plan(store(FileChange(action, GIT.path, GIT, (), why(reason)))))[1:] == [f"    {said}"]


def test_attributes_that_somebody_edited_are_a_conflict() -> None:
    plan = a_plan(store(FileChange(FileAction.UPDATE, GIT.path, GIT, (), why("its attributes changed"), Origin.BOTH)))
    assert shown(plan) == [
        f"! {'vector_store/docs':<40}  1 files  1 conflict with the account",
        "    ! docs/00001.md  1.0 kB  its attributes changed",
    ]
    assert totals(plan).startswith("1 to update, 1 conflict · ")
    assert plan_json.plan_data(plan)["conflicts"] == [{"address": "vector_store/docs", "file": "docs/00001.md"}]


def test_a_removed_file_shows_what_goes_and_a_replaced_one_both_sizes() -> None:
    live = (membership("docs/a.md"),)
    removed = FileChange(FileAction.REMOVE, "docs/a.md", None, live, why("no longer in the manifest"))
    replaced = FileChange(FileAction.REPLACE, GIT.path, GIT, live, why("its content changed"), upload=True)
    assert shown(a_plan(store(removed, replaced)))[1:] == [
        "    - docs/a.md  2.0 kB  no longer in the manifest",
        "    ~ docs/00001.md  2.0 kB → 1.0 kB  its content changed",
    ]


def test_ten_thousand_files_take_a_screen_and_stay_whole_in_json() -> None:
    files = [document(number, 1_200) for number in range(10_000)]
    removed = [FileChange(FileAction.REMOVE, f"old/{n}", None, (membership("x"),), why("gone")) for n in range(5)]
    plan = a_plan(store(*map(added, files), *removed, uploads=files))
    found = shown(plan)
    assert found[0].endswith("10005 files, 12.0 MB to upload")
    assert found[1:3] == ["    + 10,000 to add, 12.0 MB", "        + docs/00000.md  1.2 kB"]
    assert found[12:14] == ["          … and 9,990 more (12.0 MB)", "    - 5 to remove, 10.0 kB"]
    assert len(found) == 19
    assert len(plan_json.plan_data(plan)["changes"][0]["files"]["add"]) == 10_000


def test_many_groups_share_the_room() -> None:
    files = [FileChange(action, f"{action}/{n}", GIT, (), why("why")) for action in FileAction for n in range(30)]
    found = shown(a_plan(store(*files)))[1:]
    assert len(found) == len(FileAction) * 4
    assert sum("… and 28 more (28.0 kB)" in line for line in found) == len(FileAction)


def test_the_last_one_is_shown_rather_than_counted() -> None:
    files = [FileChange(FileAction.UPDATE, str(n), GIT, (), why("why")) for n in range(21)]
    assert not any("more" in line for line in shown(a_plan(store(*files))))


def test_the_totals_tell_the_time_that_limits_take_when_it_is_long() -> None:
    files = [document(number) for number in range(10_000)]
    change = store(*map(added, files), uploads=files)
    limits = Limits()
    assert totals(a_plan(change)).endswith("· 10,040 requests, 10.0 MB")
    assert totals(a_plan(change, limits=limits)).endswith(
        "10.0 MB, at least about 10 min at this account's rate limits"
    )
    few = store(added(GIT), uploads=[GIT])
    assert totals(a_plan(few, limits=limits)).endswith("· 3 requests, 1.0 kB")


def test_the_forecast_and_what_a_file_is_are_in_json() -> None:
    live = (membership("docs/a.md"), membership("docs/b.md"))
    change = FileChange(FileAction.UPDATE, GIT.path, GIT, live, why("its attributes changed"), Origin.ACCOUNT)
    found = plan_json.plan_data(a_plan(store(change, uploads=[GIT]), limits=Limits(1, 1, 1)))
    assert found["forecast"]["requests"] == 3
    assert found["forecast"]["bytes"] == 1_000
    assert found["forecast"]["seconds"] >= 0
    assert found["changes"][0]["origin"] == "account"
    assert found["changes"][0]["files"]["update"] == [
        {
            "path": "docs/00001.md",
            "reason": "its attributes changed",
            "origin": "account",
            "upload": False,
            "size": 1_000,
            "sha256": GIT.sha256,
            "live": ["file-docs/a.md", "file-docs/b.md"],
            "was": {"id": "file-docs/a.md", "size": 2_000},
        }
    ]
