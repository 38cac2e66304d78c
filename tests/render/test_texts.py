"""Changed texts: short ones in a line, long ones as rows with a little of what stands around them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.model import FieldChange, Origin
from deployer.render import textdiff
from deployer.render.textdiff import Op, Row
from tests.render.plans import a_plan, assistant, edited, shown

PROMPT = """# Role
You are a math tutor.
Answer in Korean.

# Rules
Be kind.
Show every step.
Never give the answer first.
Ask one question at a time.
End with a summary."""


def lines_of(old: str, new: str) -> list[str]:
    return shown(a_plan(assistant("a", FieldChange(("instructions",), old, new, Origin.MANIFEST))))[1:]


def test_a_short_text_is_shown_in_one_line() -> None:
    old = "You are an expert in generating multiple choice quizzes."
    assert lines_of(old, old.replace("generating", "writing")) == [
        "    ~ instructions  You are an expert in [-generating-]{+writing+} multiple choice quizzes."
    ]


def test_a_long_text_is_shown_by_lines_with_what_stands_around() -> None:
    new = PROMPT.replace("Show every step.", "Show every step of it.").replace("End with a summary.", "Stop.\nWait.")
    assert lines_of(PROMPT, new) == [
        "    ~ instructions  +2 ~1 -1 lines",
        "          …",
        "          # Rules",
        "          Be kind.",
        "        ~ Show every step{+ of it+}.",
        "          Never give the answer first.",
        "          Ask one question at a time.",
        "        - End with a summary.",
        "        + Stop.",
        "        + Wait.",
    ]


def test_one_long_line_is_shown_by_sentences() -> None:
    old = " ".join(f"Sentence number {n} says this." for n in range(20))
    new = old.replace("r 3 says this", "r 3 says that").replace("number 10 says", "no").replace("19 says", "19")
    assert lines_of(old, new) == [
        "    ~ instructions  ~1 line",
        "          Sentence number 0 says this.",
        "          Sentence number 1 says this.",
        "          Sentence number 2 says this.",
        "        ~ Sentence number 3 says [-this-]{+that+}.",
        "          Sentence number 4 says this.",
        "          Sentence number 5 says this.",
        "          …",
        "          Sentence number 8 says this.",
        "          Sentence number 9 says this.",
        "        ~ Sentence [-number 10 says-]{+no+} this.",
        "          Sentence number 11 says this.",
        "          Sentence number 12 says this.",
        "          …",
        "          Sentence number 17 says this.",
        "          Sentence number 18 says this.",
        "        ~ Sentence number 19 [-says -]this.",
    ]


def test_one_edited_line_of_many_is_shown_in_one() -> None:
    assert lines_of(PROMPT, PROMPT.replace("Show every", "Show each")) == [
        "    ~ instructions  … Show [-every-]{+each+} step. …"
    ]
    assert lines_of("one two three\nfour\n", "one 2 three\nfour\n") == ["    ~ instructions  one [-two-]{+2+} three …"]


NUMBERED = "\n".join(f"{n}. Rule {n}: answer e.g. with a list." for n in range(1, 81))


def test_one_long_line_does_not_cut_the_others_into_sentences() -> None:
    """A numbered list stays a list, whatever stands below it; the count is that of an editor."""
    old = NUMBERED + "\n" + "A very long line. " * 10
    found = lines_of(old, old.replace("38: answer", "38: reply").replace("60: answer", "60: reply"))
    assert found == [
        "    ~ instructions  ~2 lines",
        "          …",
        "          36. Rule 36: answer e.g. with a list.",
        "          37. Rule 37: answer e.g. with a list.",
        "        ~ 38. Rule 38: [-answer-]{+reply+} e.g. with a list.",
        "          39. Rule 39: answer e.g. with a list.",
        "          40. Rule 40: answer e.g. with a list.",
        "          …",
        "          58. Rule 58: answer e.g. with a list.",
        "          59. Rule 59: answer e.g. with a list.",
        "        ~ 60. Rule 60: [-answer-]{+reply+} e.g. with a list.",
        "          61. Rule 61: answer e.g. with a list.",
        "          62. Rule 62: answer e.g. with a list.",
        "          …",
    ]


def test_a_rewritten_prompt_counts_its_lines_and_not_its_sentences() -> None:
    new = "\n".join(f"Point {n}, and nothing of it was there. Not a word. None." for n in range(81))
    assert lines_of(NUMBERED, new + "\n" + "It is long. " * 20)[0] == "    ~ instructions  +82 -80 lines"


@pytest.mark.parametrize(
    ("line", "sentences"),
    (
        ("1. Be kind. 2. Ask.", ["1. Be kind. ", "2. Ask."]),
        ("Use lists, e.g. Markdown. Stop.", ["Use lists, e.g. Markdown. ", "Stop."]),
        ("See Dr. Kim, J. Park etc. Then go! Now?", ["See Dr. Kim, J. Park etc. Then go! ", "Now?"]),
        ("Version 2.5 of it. next", ["Version 2.5 of it. next"]),
        ("答えます。次に質問します。", ["答えます。", "次に質問します。"]),
        ("질문하세요. 답하세요.", ["질문하세요. ", "답하세요."]),
        ('He said "stop." Then he left.', ['He said "stop." ', "Then he left."]),
        ("", [""]),
    ),
)
def test_sentences_end_where_they_end(line: str, sentences: list[str]) -> None:
    assert textdiff.sentences(line) == sentences


def test_a_passage_that_moved_is_one_row_at_both_ends() -> None:
    rules = "# Rules\nBe kind.\nShow every step.\nNever give the answer first."
    rest = "\n".join(f"Line {n} of the rest." for n in range(12))
    assert lines_of(f"{rules}\n{rest}", f"{rest}\n{rules}") == [
        "    ~ instructions  4 lines moved",
        "          … 4 lines moved away: # Rules",
        "          Line 0 of the rest.",
        "          Line 1 of the rest.",
        "          …",
        "          Line 10 of the rest.",
        "          Line 11 of the rest.",
        "          … 4 lines moved here: # Rules",
    ]


def test_an_edited_line_is_marked_although_lines_were_added_beside_it() -> None:
    assert lines_of("Be kind.\nShow every step.", "Be brief, at first.\nShow each step.\nStop.")[1:] == [
        "        - Be kind.",
        "        + Be brief, at first.",
        "        ~ Show [-every-]{+each+} step.",
        "        + Stop.",
    ]


def test_rows_that_share_few_words_are_not_read_as_one() -> None:
    assert lines_of("Be kind.\nShow every step.", "Be kind.\nOnly the result.")[1:] == [
        "          Be kind.",
        "        - Show every step.",
        "        + Only the result.",
    ]


def test_an_edited_text_says_so_before_its_rows() -> None:
    found = shown(a_plan(assistant("a", edited("instructions", PROMPT, "Be kind.\nNothing else."))))
    assert found[1] == "    ! instructions  +1 -9 lines  edited on the account, not in git"
    assert "          Be kind." in found


def test_a_text_that_is_rewritten_fills_no_screen() -> None:
    found = lines_of("\n".join(f"old {n}" for n in range(500)), "\n".join(f"{n} gone new {n}" for n in range(300)))
    assert found[0] == "    ~ instructions  +300 -500 lines"
    assert found[-1] == "          … and 760 more changed lines (all of them: deployer plan --format html)"
    assert len(found) == 42


def test_a_row_without_end_is_cut() -> None:
    found = lines_of("short\n" + "x" * 100_000, "short\n" + "y" * 100_000)
    assert max(map(len, found)) < 250


def test_a_line_end_at_the_end_is_a_difference() -> None:
    assert lines_of("one\ntwo", "one\ntwo\n")[-1] == "        + ⏎"


def test_a_large_text_is_compared_in_no_time() -> None:
    """The matcher is quadratic: 256,000 characters of one-word lines would take it minutes."""
    old = "\n".join(f"w{n % 97}" for n in range(60_000))
    start = time.process_time()
    found = textdiff.rows("start\n" + old, old.replace("w5\n", "w6\n") + "\nend")
    assert {row.op for row in found} >= {Op.GONE, Op.NEW}
    assert time.process_time() - start < 5


@given(st.text("ab. \n", max_size=40), st.text("ab. \n", max_size=40))
def test_the_rows_rebuild_both_texts(old: str, new: str) -> None:
    rows = textdiff.rows(old, new)
    if not {Op.LEFT_OUT, Op.MOVED_HERE} & {row.op for row in rows}:
        assert "\n".join(row.old for row in rows if row.op is not Op.NEW) == old
        assert "\n".join(row.new for row in rows if row.op is not Op.GONE) == new


LONG = tuple(f"{name}: a rule that says something of its own" for name in "abcd")


@given(st.lists(st.sampled_from((*LONG, "short")), max_size=30), st.lists(st.sampled_from((*LONG, "x")), max_size=30))
def test_what_moved_away_is_what_moved_here(old: list[str], new: list[str]) -> None:
    rows = textdiff.rows("\n".join(old), "\n".join(new))
    away, here = ([row for row in rows if row.op is op] for op in (Op.MOVED_AWAY, Op.MOVED_HERE))
    assert sorted((row.old, row.lines) for row in away) == sorted((row.new, row.lines) for row in here)
    gone = sum(row.op in (Op.GONE, Op.CHANGED) for row in rows) + sum(row.lines for row in away)
    come = sum(row.op in (Op.NEW, Op.CHANGED) for row in rows) + sum(row.lines for row in here)
    assert gone - come == max(len(old), 1) - max(len(new), 1)


@given(st.lists(st.sampled_from("abcde"), max_size=60), st.lists(st.sampled_from("abcde"), max_size=60))
def test_nothing_that_differs_is_left_out(old: list[str], new: list[str]) -> None:
    rows = textdiff.rows("\n".join(old), "\n".join(new))
    gone = [row for row in rows if row.op in (Op.GONE, Op.CHANGED)]
    come = [row for row in rows if row.op in (Op.NEW, Op.CHANGED)]
    assert len(gone) - len(come) == max(len(old), 1) - max(len(new), 1)
    assert (not gone and not come) == ("\n".join(old) == "\n".join(new))


def test_equal_neighbours_of_a_change_are_shown_up_to_two() -> None:
    rows = textdiff.rows("1\n2\n3\n4\nx\n6", "1\n2\n3\n4\n5\n6")
    assert rows == [
        Row(Op.LEFT_OUT),
        Row(Op.SAME, "3", "3"),
        Row(Op.SAME, "4", "4"),
        Row(Op.GONE, old="x"),
        Row(Op.NEW, new="5"),
        Row(Op.SAME, "6", "6"),
    ]
