"""The table of assertions: by Promptfoo's names, what judges each, and what is wrong with a value. Pure.

What asks a model or runs code has no judge here: who runs the tests brings it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.testing import judges
from deployer.testing.cases import Assertion
from deployer.testing.judges import Verdict, expression, short, text_of
from deployer.testing.observation import Observation


@dataclass(frozen=True, slots=True)
class AssertionRule:
    """One name: `judge` (None: it is asked elsewhere), and `flaw`, which says what is wrong with a value, or ""."""

    judge: Callable[[Assertion, Observation], Verdict] | None
    flaw: Callable[[Assertion], str]


def judged(one: Assertion, seen: Observation) -> Verdict:
    """Return what an assertion of the table makes of a conversation."""
    judge = RULES[one.kind].judge
    if judge is None:
        raise ValueError(one.kind)
    found = judge(one, seen)
    return found.inverted() if one.negated else found


def _any(_one: Assertion) -> str:
    return ""


def _scalar(one: Assertion) -> str:
    fits = isinstance(one.value, str | int | float) and one.value != ""
    return "" if fits else "its value must be a text"


def _list(one: Assertion) -> str:
    fits = (
        isinstance(one.value, list) and one.value and all(isinstance(value, str | int | float) for value in one.value)
    )
    return "" if fits or (isinstance(one.value, str) and one.value) else "its value must be a list of texts"


def _given(one: Assertion) -> str:
    return "it has no value" if one.value is None else ""


def _pattern(one: Assertion) -> str:
    if flaw := _scalar(one):
        return flaw
    try:
        expression(text_of(one.value))
    except re.error as error:
        return f"{text_of(one.value)!r} is no regular expression ({error})"
    return ""


def schema_flaw(schema: Any) -> str:
    """Say what keeps a value from being a JSON Schema, "" when nothing does."""
    from jsonschema import Draft202012Validator, SchemaError

    if not isinstance(schema, dict | bool):
        return "its value must be a JSON Schema"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"its value is no JSON Schema ({error.json_path}: {short(error.message)})"
    return ""


def _optional_schema(one: Assertion) -> str:
    return "" if one.value is None else schema_flaw(one.value)


def _limit(one: Assertion) -> str:
    fits = _is_number(one.threshold) and float(one.threshold or 0) >= 0
    return "" if fits else "it needs a threshold, in milliseconds"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _count(value: Any) -> str:
    if not isinstance(value, dict) or not {"min", "max"} & set(value):
        return "its value must have min or max"
    wrong = [name for name in ("min", "max") if name in value and not _is_number(value[name])]
    return f"its {wrong[0]} must be a number" if wrong else ""


def _words(one: Assertion) -> str:
    return "" if _is_number(one.value) else _count(one.value) and "its value must be a number, or have min or max"


def _tools(one: Assertion) -> str:
    return "" if isinstance(one.value, str | list) and one.value else "its value must be a list of names"


def _used(one: Assertion) -> str:
    value = one.value
    if isinstance(value, dict):
        named = isinstance(value.get("pattern", value.get("name")), str)
        return "" if named else "its value must have a pattern"
    return _tools(one)


def _steps(one: Assertion) -> str:
    value = one.value if isinstance(one.value, dict) else {"steps": one.value}
    if not (isinstance(value.get("steps"), list) and value["steps"]):
        return "its value must have steps, a list of names"
    return "" if value.get("mode", "in_order") in ("in_order", "exact") else "its mode must be in_order or exact"


def _arguments(one: Assertion) -> str:
    value = one.value
    if not isinstance(value, dict) or not isinstance(value.get("name", value.get("pattern")), str):
        return "its value must have a name or a pattern"
    if not {"args", "arguments"} & set(value):
        return "its value must have args"
    return "" if value.get("mode", "partial") in ("partial", "exact") else "its mode must be partial or exact"


def _counted(one: Assertion) -> str:
    if flaw := _count(one.value):
        return flaw
    kinds = (None, "tool", "command", "search", "reasoning", "message", "span")
    return "" if one.value.get("type") in kinds else f"its type must be one of {', '.join(map(str, kinds[1:]))}"


RULES: Mapping[str, AssertionRule] = {
    "contains": AssertionRule(judges.contains, _scalar),
    "icontains": AssertionRule(judges.folded(judges.contains), _scalar),
    "contains-any": AssertionRule(judges.contains_any, _list),
    "icontains-any": AssertionRule(judges.folded(judges.contains_any), _list),
    "contains-all": AssertionRule(judges.contains_all, _list),
    "icontains-all": AssertionRule(judges.folded(judges.contains_all), _list),
    "starts-with": AssertionRule(judges.starts_with, _scalar),
    "equals": AssertionRule(judges.equals, _given),
    "regex": AssertionRule(judges.regex, _pattern),
    "is-json": AssertionRule(judges.is_json, _optional_schema),
    "contains-json": AssertionRule(judges.contains_json, _optional_schema),
    "is-valid-openai-tools-call": AssertionRule(judges.valid_calls, _any),
    "is-valid-openai-function-call": AssertionRule(judges.valid_calls, _any),
    "is-valid-function-call": AssertionRule(judges.valid_calls, _any),
    "tool-call-f1": AssertionRule(judges.f1, _tools),
    "trajectory:tool-used": AssertionRule(judges.tool_used, _used),
    "trajectory:tool-sequence": AssertionRule(judges.sequence, _steps),
    "trajectory:tool-args-match": AssertionRule(judges.tool_args_match, _arguments),
    "trajectory:step-count": AssertionRule(judges.step_count, _counted),
    "latency": AssertionRule(judges.latency, _limit),
    "word-count": AssertionRule(judges.word_count, _words),
    "is-refusal": AssertionRule(judges.is_refusal, _any),
    "finish-reason": AssertionRule(judges.finish_reason, _scalar),
    "cites": AssertionRule(judges.cites, _list),
    "llm-rubric": AssertionRule(None, _given),
    "similar": AssertionRule(None, _list),
    "python": AssertionRule(None, _scalar),
}
"""Every assertion that is supported, each also with `not-`; `cites` is the one that Promptfoo has not."""
UNSUPPORTED: Mapping[str, str] = {
    "cost": "no account says what an answer costs",
    **dict.fromkeys(
        ("javascript", "webhook", "ruby"), "it runs code; write it as another assertion, or as python (--allow-python)"
    ),
    **dict.fromkeys(
        (
            *(
                "answer-relevance",
                "context-faithfulness",
                "context-recall",
                "context-relevance",
                "conversation-relevance",
            ),
            *("factuality", "model-graded-closedqa", "model-graded-factuality", "g-eval", "select-best", "max-score"),
            *(
                "moderation",
                "guardrails",
                "pi",
                "classifier",
                "search-rubric",
                "agent-rubric",
                "trajectory:goal-success",
            ),
        ),
        "say it as llm-rubric, with --judge",
    ),
    **dict.fromkeys(
        ("levenshtein", "rouge-n", "rouge-s", "rouge-l", "bleu", "gleu", "meteor"), "say it as similar, with --judge"
    ),
    **dict.fromkeys(("perplexity", "perplexity-score"), "no account says how likely its tokens were"),
    **dict.fromkeys(
        ("is-html", "contains-html", "is-xml", "contains-xml", "is-sql", "contains-sql"),
        "say it as regex, or as python (--allow-python)",
    ),
    **dict.fromkeys(
        ("trace-span-count", "trace-span-duration", "trace-error-spans", "skill-used"),
        "say it as trajectory:tool-used or trajectory:step-count",
    ),
    "human": "nobody is asked here",
}
"""Names that Promptfoo has beside these, each with what to do instead."""
