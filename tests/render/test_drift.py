"""The drift report: what moved on the account, and nothing of what git moved."""

import io

from deployer.engine import drift
from deployer.engine.plan_json import drift_data
from deployer.model import Action, Change, FieldChange, FileAction, FileChange, LiveFile, Origin, Plan
from deployer.render import text
from deployer.render.output import Streams
from tests.render.plans import STORE, a_plan, assistant, document, edited, membership, store, why

GIT = document(1)


def said(plan: Plan) -> list[str]:
    out = io.StringIO()
    text.drift(plan, Streams(out, out))
    return out.getvalue().split("\n")[2:-1]


def lost(*live: LiveFile, reason: str = "its chunking changed", origin: Origin = Origin.MANIFEST) -> FileChange:
    return FileChange(FileAction.ATTACH, GIT.path, GIT, live, why(reason), origin)


def test_nothing_moved_although_git_changes_everything() -> None:
    gone = FileChange(
        FileAction.REMOVE, "a.md", None, (membership("a.md", "failed"),), why("no longer in the manifest")
    )
    plan = a_plan(assistant("a", FieldChange(("name",), "x", "y", Origin.MANIFEST)), store(gone, lost(membership("b"))))
    assert drift.moved(plan) == ()
    assert said(plan) == ["Nothing moved on the account."]
    assert drift_data(plan)["moved"] == []


def test_each_edited_field_is_shown_from_git_to_the_account() -> None:
    plan = a_plan(
        assistant(
            "tutor",
            edited("name", "By hand", "Tutor"),
            edited("temperature", 0.9, 0.3, origin=Origin.BOTH, kept=True),
            edited("description", "By hand", None),
            FieldChange(("model",), "m", "n", Origin.MANIFEST),
        )
    )
    assert said(plan) == [
        "! assistant/tutor  id_1",
        "    ! name         Tutor → By hand  edited on the account, not in git",
        "    ! description  not set → By hand  edited on the account, not in git",
        "    ! temperature  0.3 → 0.9  edited on the account and in git",
        "",
        "3 fields moved on the account (git → account).",
    ]
    assert drift_data(plan)["moved"][0]["fields"][1] == {
        "path": "temperature",
        "declared": 0.3,
        "live": 0.9,
        "origin": "both",
    }


def test_documents_that_fell_out_are_named_with_the_service_s_reason() -> None:
    plan = a_plan(
        store(
            lost(membership("a", "failed", "the file has \x1b no text")),
            lost(membership("b", "missing"), membership("c", "missing")),
            lost(membership("d"), reason="its attributes changed", origin=Origin.ACCOUNT),
        )
    )
    assert said(plan) == [
        "! vector_store/docs  vs_1",
        "    ! docs/00001.md  its ingestion failed: the file has \\x1b no text",
        "    ! docs/00001.md  its File object is gone",
        "    ! docs/00001.md  its attributes changed",
        "",
        "3 documents moved on the account.",
    ]


def test_a_store_that_expired_is_told_as_a_whole() -> None:
    plan = a_plan(Change(STORE, Action.REPLACE, why("it has expired")))
    assert said(plan) == ["! vector_store/docs  it has expired", "", "1 object moved on the account."]
    assert drift_data(plan)["moved"] == [
        {"address": "vector_store/docs", "id": None, "what": "it has expired", "fields": [], "documents": []}
    ]
