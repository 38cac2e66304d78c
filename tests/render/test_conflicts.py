"""What somebody edited on the account is seen at a glance, with both values."""

from deployer.model import Action, FieldChange, Origin
from deployer.render import preview
from tests.render.plans import a_plan, assistant, edited, shown, totals


def test_an_edited_field_has_its_own_sign_both_values_and_who_moved_it() -> None:
    plan = a_plan(
        assistant(
            "tutor",
            edited("name", "By hand", "Tutor"),
            edited("temperature", 0.9, 0.3, origin=Origin.BOTH),
            FieldChange(("model",), "m", "n", Origin.MANIFEST),
        )
    )
    assert shown(plan) == [
        f"! {'assistant/tutor':<40}  3 fields  2 conflicts with the account",
        "    ! name         By hand → Tutor  edited on the account, not in git",
        "    ~ model        m → n",
        "    ! temperature  0.9 → 0.3  edited on the account and in git",
    ]
    assert totals(plan) == "1 to update, 2 conflicts · 1 request"


def test_a_value_that_is_not_set_on_one_side_is_said_on_both() -> None:
    plan = a_plan(assistant("tutor", edited("name", None, "Tutor"), edited("description", "By hand", None)))
    assert shown(plan)[1:] == [
        "    ! name         not set → Tutor  edited on the account, not in git",
        "    ! description  By hand → not set  edited on the account, not in git",
    ]


def test_what_is_kept_is_no_conflict_and_no_work() -> None:
    plan = a_plan(assistant("tutor", edited("temperature", 0.9, 0.3, kept=True), action=Action.NO_OP))
    assert shown(plan)[1:] == ["    · temperature  0.9  kept: edited on the account (git: 0.3)"]
    assert totals(plan) == "Nothing to do: 1 object as declared, 1 field kept as edited on the account."


def test_what_is_kept_beside_a_change_is_counted_with_it() -> None:
    change = assistant("tutor", edited("a", 1, 2, kept=True), FieldChange(("b",), 1, 2, Origin.MANIFEST))
    assert shown(a_plan(change))[0].startswith("~ assistant/tutor")
    assert totals(a_plan(change)) == "1 to update, 1 field kept as edited on the account · 1 request"


def test_a_tool_that_only_goes_with_an_edited_one_does_not_say_that_it_was_edited() -> None:
    change = assistant("a", edited("tools/x", None, {"type": "x"}, origin=Origin.MANIFEST, kept=True))
    (line,) = list(preview.of_change(a_plan(change), change))[1:]
    assert line.text == "tools/x  not set  kept: goes with what was edited on the account (git: x)"


def test_an_address_cannot_forge_a_line() -> None:
    line = next(iter(preview.changes(a_plan(assistant("a\x1b[2J\n+ assistant/b")))))
    assert line.text.isprintable()
