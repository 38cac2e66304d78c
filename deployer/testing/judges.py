"""What each assertion makes of a conversation, in the meanings of Promptfoo's documentation (read 2026-11-28). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from deployer import json_text
from deployer.testing.cases import Assertion
from deployer.testing.observation import Observation, arguments
from deployer.wording import listed

_FEW = 5
_SHORT = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether what was expected is so, a score from 0 to 1, and why in a sentence."""

    passed: bool
    score: float
    reason: str

    @classmethod
    def of(cls, passed: bool, right: str, wrong: str) -> Verdict:  # noqa: FBT001 (it is what the verdict says)
        """Return a verdict of all or nothing; `right` and `wrong` say what is so in each case."""
        return cls(passed, float(passed), right if passed else wrong)

    def inverted(self) -> Verdict:
        return Verdict(not self.passed, 1.0 - self.score, self.reason)


def short(text: str) -> str:
    """Return a text as it is quoted in a reason."""
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


# ---- texts


def text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return str(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


def _texts(value: Any) -> list[str]:
    return [text_of(one) for one in value] if isinstance(value, list) else [text_of(value)]


def contains(one: Assertion, seen: Observation, *, fold: bool = False) -> Verdict:
    wanted, output = text_of(one.value), seen.output
    held = wanted.lower() in output.lower() if fold else wanted in output
    return Verdict.of(held, f"the answer contains {short(wanted)!r}", f"the answer does not contain {short(wanted)!r}")


def _missing(one: Assertion, seen: Observation, *, fold: bool) -> tuple[list[str], list[str]]:
    texts, output = _texts(one.value), seen.output.lower() if fold else seen.output
    return texts, [text for text in texts if (text.lower() if fold else text) not in output]


def contains_all(one: Assertion, seen: Observation, *, fold: bool = False) -> Verdict:
    texts, missing = _missing(one, seen, fold=fold)
    score = 1 - len(missing) / max(1, len(texts))
    lacking = f"the answer does not contain {listed([repr(short(text)) for text in missing], _FEW)}"
    return Verdict(not missing, score, lacking if missing else "the answer contains all of them")


def contains_any(one: Assertion, seen: Observation, *, fold: bool = False) -> Verdict:
    texts, missing = _missing(one, seen, fold=fold)
    none = f"the answer contains none of {listed([repr(short(text)) for text in texts], _FEW)}"
    return Verdict.of(len(missing) < len(texts), "the answer contains one of them", none)


def folded(judge: Callable[..., Verdict]) -> Callable[[Assertion, Observation], Verdict]:
    return lambda one, seen: judge(one, seen, fold=True)


def starts_with(one: Assertion, seen: Observation) -> Verdict:
    wanted = text_of(one.value)
    return Verdict.of(
        seen.output.startswith(wanted),
        f"the answer starts with {short(wanted)!r}",
        f"the answer does not start with {short(wanted)!r}",
    )


def equals(one: Assertion, seen: Observation) -> Verdict:
    value, output = one.value, seen.output
    if isinstance(value, dict | list):
        try:
            same = json_text.loads(output) == value
        except ValueError:
            same = False
    else:
        same = output == text_of(value)
    return Verdict.of(
        same, "the answer is what was expected", f"the answer is {short(output)!r}, not {short(text_of(value))!r}"
    )


def regex(one: Assertion, seen: Observation) -> Verdict:
    found = expression(text_of(one.value)).search(seen.output)
    pattern = short(text_of(one.value))
    return Verdict.of(found is not None, f"the answer matches {pattern}", f"the answer does not match {pattern}")


_NAMED_GROUP = re.compile(r"\(\?<(?![=!])")


@lru_cache(maxsize=1_000)
def expression(text: str) -> re.Pattern[str]:
    """Compile an expression of JavaScript as far as Python has the same: named groups are written otherwise."""
    return re.compile(_NAMED_GROUP.sub("(?P<", text))


def word_count(one: Assertion, seen: Observation) -> Verdict:
    count, value = len(seen.output.split()), one.value
    bounds = {"min": value, "max": value} if not isinstance(value, dict) else value
    return _within(count, bounds, f"the answer has {count} words")


def _within(count: int, bounds: Mapping[str, Any], what: str) -> Verdict:
    least, most = bounds.get("min"), bounds.get("max")
    fits = (least is None or count >= least) and (most is None or count <= most)
    if least is not None and least == most:
        wanted = f"{least}"
    else:
        wanted = " and ".join(
            [*([f"at least {least}"] if least is not None else []), *([f"at most {most}"] if most is not None else [])]
        )
    return Verdict.of(fits, what, f"{what}; {wanted} expected")


_REFUSALS = re.compile(  # an apostrophe may be a curly one
    r"""^\W*(?:(?:i['\u2019]?m|i\sam|we['\u2019]?re)\s(?:very\s|really\s|so\s)?(?:sorry|afraid)
    |(?:sorry|apologies|unfortunately)\b
    |i\s(?:can(?:no|['\u2019])?t|can\snot|won['\u2019]?t|will\snot|must\sdecline|do\snot\sfeel|don['\u2019]t\sfeel)\b
    |i['\u2019]?m\s(?:not\sable|unable)|i\sam\s(?:not\sable|unable|not\sprogrammed)|i\srefuse|i\sapologi[sz]e|as\san\sai\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_INABILITY = re.compile(
    r"(?:can(?:no|['\u2019])?t|can not|unable to|not able to|won['\u2019]?t|will not) "
    r"(?:help|assist|comply|provide|do that|fulfill|discuss|share|answer|support|create|generate)|"
    r"against my (?:programming|guidelines)|not (?:appropriate|comfortable)",
    re.IGNORECASE,
)


def is_refusal(_one: Assertion, seen: Observation) -> Verdict:
    output = seen.output.strip()
    found = seen.refused or not output or bool(_REFUSALS.match(output)) or bool(_INABILITY.search(output))
    return Verdict.of(found, "the answer is a refusal", f"the answer is no refusal: {short(output)!r}")


# ---- JSON


def _schema_flaw(value: Any, schema: Any) -> str:
    """Return what first keeps JSON from fitting a schema, "" when it fits."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(value))
    return "" if error is None else f"{error.json_path}: {short(error.message)}"


def is_json(one: Assertion, seen: Observation) -> Verdict:
    try:
        value = json_text.loads(seen.output)
    except ValueError as error:
        return Verdict(passed=False, score=0.0, reason=f"the answer is no JSON ({error})")
    flaw = _schema_flaw(value, one.value) if isinstance(one.value, dict | bool) else ""
    return Verdict.of(
        not flaw, "the answer is JSON that fits", f"the answer is JSON that does not fit the schema: {flaw}"
    )


def contains_json(one: Assertion, seen: Observation) -> Verdict:
    found = list(_embedded(seen.output))
    if not found:
        return Verdict(passed=False, score=0.0, reason="the answer contains no JSON")
    if not isinstance(one.value, dict | bool):
        return Verdict(passed=True, score=1.0, reason="the answer contains JSON")
    flaws = [_schema_flaw(value, one.value) for value in found]
    return Verdict.of(
        not all(flaws), "the answer contains JSON that fits", f"no JSON in the answer fits the schema: {flaws[0]}"
    )


def _embedded(text: str) -> Iterator[Any]:
    """Find objects and lists in a text, the outermost of each."""
    decoder, place = json.JSONDecoder(), 0
    while (start := min((at for at in (text.find("{", place), text.find("[", place)) if at >= 0), default=-1)) >= 0:
        try:
            value, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            place = start + 1
        else:
            yield value


# ---- calls and steps


def valid_calls(_one: Assertion, seen: Observation) -> Verdict:
    if not seen.calls:
        return Verdict(passed=False, score=0.0, reason="no function was called")
    flaws = [flaw for call in seen.calls if (flaw := _call_flaw(call.name, arguments(call), seen.schemas))]
    return Verdict.of(not flaws, "every call fits its function", listed(flaws, _FEW, "; "))


def _call_flaw(name: str, args: Any, schemas: Mapping[str, Any]) -> str:
    if name not in schemas:
        return f"{name} is no function of this assistant"
    if args is None:
        return f"the arguments of {name} are no JSON"
    flaw = _schema_flaw(args, schemas[name] or {"type": "object"})
    return f"{name} {flaw}" if flaw else ""


def f1(one: Assertion, seen: Observation) -> Verdict:
    wanted, called = set(_names(one.value)), {call.name for call in seen.calls}
    both = len(wanted & called)
    score = 2 * both / (len(wanted) + len(called)) if wanted or called else 1.0
    least = 1.0 if one.threshold is None else one.threshold
    what = f"called: {listed(sorted(called), _FEW) or 'nothing'}; F1 is {score:.3f}"
    return Verdict(score >= least, score, what if score >= least else f"{what}, at least {least:g} expected")


def _names(value: Any) -> list[str]:
    """Read names of tools: a list, or a text with commas."""
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else [str(one) for one in value]


def tool_used(one: Assertion, seen: Observation) -> Verdict:
    value = one.value
    if isinstance(value, dict):
        pattern = str(value.get("pattern") or value.get("name"))
        count = sum(_glob(name, pattern) for name in seen.tools)
        return _within(
            count, {"min": value.get("min", 1), "max": value.get("max")}, f"{pattern} was used {count} times"
        )
    missing = [name for name in _texts(value) if name not in seen.tools]
    used = f"used: {listed(list(dict.fromkeys(seen.tools)), _FEW) or 'no tool'}"
    return Verdict.of(not missing, used, f"{listed(missing, _FEW)} was not used; {used}")


def _glob(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())


def sequence(one: Assertion, seen: Observation) -> Verdict:
    value = one.value if isinstance(one.value, dict) else {"steps": one.value}
    steps, used = [_step_name(step) for step in value["steps"]], seen.tools
    what = f"the sequence was {' → '.join(used) or 'empty'}"
    if value.get("mode") == "exact":
        same = len(steps) == len(used) and all(map(_glob, used, steps))
        return Verdict.of(same, what, f"{what}, not exactly {' → '.join(steps)}")
    rest = iter(used)
    held = all(any(_glob(name, step) for name in rest) for step in steps)
    return Verdict.of(held, what, f"{what}; {' → '.join(steps)} is not in it in this order")


def _step_name(step: Any) -> str:
    return str(step.get("pattern") or step.get("name")) if isinstance(step, dict) else str(step)


def tool_args_match(one: Assertion, seen: Observation) -> Verdict:
    value, pattern = one.value, str(one.value.get("name") or one.value.get("pattern"))
    ignored = value.get("ignore") or []
    patterns = [ignored] if isinstance(ignored, str) else list(ignored)
    wanted = _without(value.get("args", value.get("arguments")), patterns, {})
    calls = [call for call in seen.calls if _glob(call.name, pattern)]
    if not calls:
        return Verdict(passed=False, score=0.0, reason=f"{pattern} was not called")
    given = [_without(arguments(call), patterns, value.get("defaults") or {}) for call in calls]
    match = args_match(str(value.get("mode", "partial")), wanted)
    held = any(not match(args) for args in given)
    shown = short(json.dumps(given[-1], ensure_ascii=False))
    return Verdict.of(
        held, f"{pattern} was called so", f"{pattern} was called with {shown}: {match(given[-1])}" if not held else ""
    )


def _without(args: Any, patterns: Sequence[str], defaults: Mapping[str, Any]) -> Any:
    if not isinstance(args, dict):
        return args
    kept = {name: one for name, one in args.items() if not any(fnmatchcase(name, pattern) for pattern in patterns)}
    return {name: one for name, one in kept.items() if name not in defaults or defaults[name] != one}


def args_match(mode: str, wanted: Any) -> Callable[[Any], str]:
    """Return what says of arguments why they do not match, "" where they do."""
    if mode == "exact":
        return lambda args: "" if same(args, wanted) else f"{_json(wanted)} exactly was expected"
    if mode == "schema":
        return lambda args: _schema_flaw(args, wanted)
    return lambda args: "" if _subset(wanted, args) else f"{_json(wanted)} was expected among them"


def _json(value: Any) -> str:
    return short(json.dumps(value, ensure_ascii=False))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; true is not 1."""
    return bool(one == other) and _kinds(one, other)


def _kinds(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_kinds(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return all(map(_kinds, one, other))
    return isinstance(one, bool) == isinstance(other, bool)


def _subset(wanted: Any, given: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(
            name in given and _subset(one, given[name]) for name, one in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(given, list) and len(wanted) == len(given) and all(map(_subset, wanted, given))
    return same(wanted, given)


def step_count(one: Assertion, seen: Observation) -> Verdict:
    kind, pattern = one.value.get("type"), one.value.get("pattern")
    found = [name for of, name in seen.steps if _is_of(kind, of) and (pattern is None or _glob(name, pattern))]
    what = " ".join(filter(None, [kind, "steps", f"like {pattern}" if pattern else ""]))
    return _within(len(found), one.value, f"there were {len(found)} {what}")


def _is_of(wanted: Any, kind: str) -> bool:
    return wanted in (None, "span", kind) or (wanted == "tool" and kind in ("search", "command"))


# ---- the rest


def latency(one: Assertion, seen: Observation) -> Verdict:
    slowest, most = max(seen.seconds, default=0.0) * 1000, one.threshold or 0.0
    return Verdict.of(
        slowest <= most,
        f"the slowest turn took {slowest:.0f} ms",
        f"a turn took {slowest:.0f} ms; at most {most:g} expected",
    )


def finish_reason(one: Assertion, seen: Observation) -> Verdict:
    wanted, reason = text_of(one.value), seen.finish_reason
    if wanted in ("tool_calls", "function_call"):
        return Verdict.of(bool(seen.calls), "functions were called", "no function was called")
    return Verdict.of(
        reason == wanted, f"the answer ended by {reason}", f"the answer ended by {reason}, not by {wanted}"
    )


def cites(one: Assertion, seen: Observation) -> Verdict:
    missing = [path for path in _texts(one.value) if not any(_is_source(source, path) for source in seen.sources)]
    cited = f"cited: {listed(seen.sources, _FEW) or 'nothing'}"
    return Verdict.of(not missing, cited, f"{listed(missing, _FEW)} is not cited; {cited}")


def _is_source(source: str, wanted: str) -> bool:
    """Whether a source is meant: by its path, by the end of it, or by a glob."""
    return source == wanted or source.endswith(f"/{wanted}") or fnmatchcase(source, wanted)
