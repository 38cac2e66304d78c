"""Assertions, turns, calls and rehearsals as they stand in YAML → values, with every problem at its place.

What is wrong is a problem of its own. What Promptfoo has and this tool has not is a flaw of the test: that is not run,
and is an error with that sentence. Files that a test names are read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.manifest.document import SourceDocument, read, read_text
from deployer.manifest.globs import matches, real, relative
from deployer.manifest.schema import load
from deployer.manifest.suggest import nearest
from deployer.model import Problem
from deployer.testing.assertions import RULES, UNSUPPORTED, schema_flaw
from deployer.testing.cases import NO_OUTPUT, Assertion, ExampleOutput, ExpectedCall, TestTurn
from deployer.testing.template import Flawed, PlacedValue, filled, flawed, shown

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_MODES = ("partial", "exact", "schema")
DATA = (".yaml", ".yml", ".json")
CODE = (".js", ".ts", ".mjs", ".cjs", ".py", ".rb")
_TURN = ("user", "files", "calls", "assert")
_CALL = ("name", "args", "arguments", "mode", "output")
_ASSERTION = ("type", "value", "threshold", "weight", "metric", "assert", "config", "provider", "rubricPrompt")
FOREIGN: Mapping[str, str] = {
    "assertScoringFunction": "scores are weighed by weight and threshold alone",
    "providerOutput": "an answer always comes from the account",
    "transform": "the answer is checked as it is",
    "postprocess": "the answer is checked as it is",
    "contextTransform": "the answer is checked as it is",
    "transformVars": "write the vars as they are to be",
    "storeOutputAs": "say it in one test, in turns",
    "rubricPrompt": "say it in the value of llm-rubric",
    "response_format": "the assistant has its own",
    "scenarios": "write them as tests",
}


@dataclass(slots=True)
class TestReading:
    """What is collected while tests are read: `problems` are mistakes.

    `root` is the manifest's folder, `addresses` are what can be talked to.
    """

    root: Path
    addresses: Sequence[str]
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, node: PlacedValue, what: str, remedy: str = "", *, key: str = "") -> None:
        place = node.key(key) if key else node.position
        self.problems.append(Problem(what, remedy, node.document.address(node.path), place))

    def unknown(self, node: PlacedValue, known: Sequence[str], foreign: Mapping[str, str] = FOREIGN) -> list[Problem]:
        """Report keys that nothing knows; return a flaw for each that is Promptfoo's, and not supported."""
        found = []
        for key in node.value:
            if key in foreign:
                what = f"{key} is not supported"
                found.append(Problem(what, foreign[key], node.document.address(node.path), node.key(str(key))))
            elif key not in known:
                self.wrong(
                    node, f"unknown key {key!r}", nearest(str(key), known, f"known: {', '.join(known)}"), key=str(key)
                )
        return found

    def path(self, node: PlacedValue, text: str) -> Path:
        """Return the file that a text names, relative to the file that it stands in."""
        path = (self.root / node.document.name).parent / text.removeprefix("file://")
        if relative(real(self.root), path) is None:
            flawed(node, f"{text!r} leaves the manifest's folder", "move the file inside")
        return path

    def name(self, path: Path) -> str:
        return relative(real(self.root), path) or path.as_posix()

    def file(self, node: PlacedValue, text: str) -> SourceDocument:
        """Read a file of data."""
        path = self.path(node, text)
        found = read(path, self.name(path))
        if isinstance(found, Problem):
            raise Flawed(found)
        return found

    def text(self, node: PlacedValue, text: str) -> str:
        path = self.path(node, text)
        found = read_text(path, self.name(path))
        if isinstance(found, Problem):
            raise Flawed(found)
        return found

    def files(self, node: PlacedValue, pattern: str) -> list[Path]:
        """Return the files of a pattern; a plain name counts as one, whether or not it is there."""
        base, pattern = (self.root / node.document.name).parent, pattern.removeprefix("file://")
        if (base / pattern).is_dir():
            pattern = f"{pattern.rstrip('/')}/*.y*ml"
        found = matches(base, pattern)
        return found or [self.path(node, pattern)]


# ---- assertions


def assertions(
    reading: TestReading, node: PlacedValue | None, names: Mapping[str, Any], templates: PlacedValue | None
) -> list[Assertion]:
    """Read a list of assertions; Flawed for one that is not supported."""
    if node is None:
        return []
    if not isinstance(node.value, list):
        reading.wrong(node, "assert must be a list", "write assert: [{type: contains, value: …}]")
        return []
    return [found for one in node.items() if (found := _assertion(reading, one, names, templates))]


def _assertion(
    reading: TestReading, node: PlacedValue, names: Mapping[str, Any], templates: PlacedValue | None
) -> Assertion | None:
    node = _referred(node, templates)
    if not isinstance(node.value, dict) or not isinstance(node.value.get("type"), str):
        reading.wrong(node, "an assertion must be a mapping with its type", "write {type: contains, value: …}")
        return None
    before = len(reading.problems)
    no_flaws(reading.unknown(node, _ASSERTION))
    if len(reading.problems) > before:
        return None
    told = str(node.value["type"])
    if told == "assert-set":
        inside = tuple(assertions(reading, node.get("assert"), names, templates))
        return _numbered(reading, node, Assertion("assert-set", inside=inside, position=node.position))
    negated, kind = told.startswith("not-"), told.removeprefix("not-")
    _known(reading, node, told, kind)
    if kind not in RULES:
        return None
    value = _asserted(reading, node, kind, names)
    found = _numbered(reading, node, Assertion(kind, value, negated, position=node.position))
    if flaw := RULES[kind].flaw(found):
        reading.wrong(node.at("value") if node.get("value") else node, f"{told}: {flaw}", "correct it")
        return None
    return found


def _referred(node: PlacedValue, templates: PlacedValue | None) -> PlacedValue:
    """Follow `$ref: '#/assertionTemplates/NAME'`."""
    ref = node.value.get("$ref") if isinstance(node.value, dict) else None
    if not isinstance(ref, str):
        return node
    name = ref.rpartition("/")[2]
    found = templates.get(name) if templates else None
    if found is None:
        flawed(node, f"there is no {ref!r}", nearest(name, list(templates.value) if templates else [], "correct it"))
    return found


def _known(reading: TestReading, node: PlacedValue, told: str, kind: str) -> None:
    if kind in RULES:
        return
    place = node.at("type")
    if kind in UNSUPPORTED:
        flawed(place, f"the assertion {told} is not supported", UNSUPPORTED[kind])
    choices = [*RULES, *(f"not-{name}" for name in RULES), "assert-set"]
    reading.wrong(place, f"there is no assertion {told!r}", nearest(told, choices, f"known: {', '.join(RULES)}"))


def _asserted(reading: TestReading, node: PlacedValue, kind: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an assertion: filled, and of a file where it names one."""
    place = node.get("value")
    if place is None:
        return node.value.get("value")
    text = place.value
    if kind == "python":
        return text if not isinstance(text, str) or not text.startswith("file://") else _code(reading, place, text)
    if isinstance(text, str) and text.startswith("file://"):
        path = filled(place, text, names)
        if path.endswith(CODE):
            flawed(place, f"{path} is code, which is not run here", "write the value itself")
        loaded = reading.file(place, path).data if path.endswith(DATA) else reading.text(place, path)
        return filled(place, loaded, names) if isinstance(loaded, str) else loaded
    if kind == "llm-rubric":
        names = {"output": _ANSWER, "sample": {"output_text": _ANSWER}, **names}
    value = text if kind == "regex" and isinstance(text, str) and "{{" not in text else filled(place, text, names)
    if kind in ("is-json", "contains-json") and isinstance(value, str):
        return _schema(value)
    return value


def _code(reading: TestReading, place: PlacedValue, text: str) -> str:
    """Return the code of a file, with the name of its function in a first line of our own form."""
    name, _, function = text.removeprefix("file://").partition(":")
    return f"{FILE_MARK}{function or 'get_assert'}\n{reading.text(place, name)}"


_ANSWER = "the answer"
"""What a rubric calls the answer where it would be filled in: the judge gets it beside the rubric."""
FILE_MARK = "#deployer:file:"
"""Begins the code of a `python` assertion that came from a file; the name of its function follows."""


def _schema(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _numbered(reading: TestReading, node: PlacedValue, found: Assertion) -> Assertion:
    """Take what stands beside the value: threshold, weight, metric."""
    for name in ("threshold", "weight"):
        value = node.value.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            reading.wrong(node.at(name), f"{name} must be a number, 0 or more", "correct it")
            return found
    threshold, weight = node.value.get("threshold"), node.value.get("weight")
    metric = node.value.get("metric")
    return replace(
        found,
        threshold=None if threshold is None else float(threshold),
        weight=1.0 if weight is None else float(weight),
        metric=metric if isinstance(metric, str) else "",
    )


# ---- turns


def turns(
    reading: TestReading, node: PlacedValue, names: Mapping[str, Any], templates: PlacedValue | None
) -> Iterator[TestTurn]:
    if not isinstance(node.value, list) or not node.value:
        reading.wrong(node, "turns must be a list of one or more", "write turns: [{user: …}]")
        return
    for one in node.items():
        if isinstance(one.value, str):
            yield TestTurn(filled(one, one.value, names), position=one.position)
        elif isinstance(one.value, dict) and isinstance(one.value.get("user"), str):
            yield _turn(reading, one, names, templates)
        else:
            reading.wrong(one, "a turn must have what the user says", "write {user: …}")


def _turn(reading: TestReading, node: PlacedValue, names: Mapping[str, Any], templates: PlacedValue | None) -> TestTurn:
    no_flaws(reading.unknown(node, _TURN))
    files = [_attachment(reading, one, names) for one in _listed(reading, node, "files")]
    calls = node.get("calls")
    expected = None
    if "calls" in node.value:
        expected = tuple(_calls(reading, calls, names)) if calls else ()
    told = assertions(reading, node.get("assert"), names, templates)
    text = filled(node.at("user"), node.value["user"], names)
    return TestTurn(shown(text), tuple(files), expected, tuple(told), node.position)


def no_flaws(flaws: Sequence[Problem]) -> None:
    if flaws:
        raise Flawed(flaws[0])


def _listed(reading: TestReading, node: PlacedValue, name: str) -> list[PlacedValue]:
    found = node.get(name)
    if found is not None and not isinstance(found.value, list):
        reading.wrong(found, f"{name} must be a list", "write [ … ]")
        return []
    return found.items() if found else []


def _attachment(reading: TestReading, node: PlacedValue, names: Mapping[str, Any]) -> str:
    text = filled(node, node.value, names)
    if not isinstance(text, str) or not text:
        flawed(node, "a file must be a path", "write files: [PATH]")
    path = reading.path(node, text)
    if not path.is_file():
        flawed(node, f"there is no file {text}", "create it, or correct the path")
    return reading.name(path)


def _calls(reading: TestReading, node: PlacedValue, names: Mapping[str, Any]) -> Iterator[ExpectedCall]:
    for one in node.items():
        if isinstance(one.value, str):
            yield ExpectedCall(one.value, position=one.position)
        elif isinstance(one.value, dict) and isinstance(one.value.get("name"), str):
            yield _call(reading, one, names)
        else:
            reading.wrong(one, "an expected call must have the name of its function", "write {name: …, args: {…}}")
    if not isinstance(node.value, list):
        reading.wrong(node, "calls must be a list", "write calls: [{name: …}]; [] means that none is made")


def _call(reading: TestReading, node: PlacedValue, names: Mapping[str, Any]) -> ExpectedCall:
    no_flaws(reading.unknown(node, _CALL))
    args, mode = node.get("args") or node.get("arguments"), node.value.get("mode", "partial")
    if mode not in _MODES:
        reading.wrong(
            node.at("mode"), f"the mode {mode!r} is unknown", nearest(str(mode), _MODES, "use partial, exact, schema")
        )
    elif mode == "schema" and (flaw := schema_flaw(args.value if args else None)):
        reading.wrong(args or node, f"args: {flaw}", "correct it")
    wanted = filled(args, args.value, names) if args and mode != "schema" else args.value if args else {}
    output = filled(node.at("output"), node.value["output"], names) if "output" in node.value else NO_OUTPUT
    return ExpectedCall(str(node.value["name"]), wanted, str(mode), output, node.position)


def examples(reading: TestReading, node: PlacedValue, names: Mapping[str, Any]) -> Iterator[ExampleOutput]:
    for one in _listed(reading, node, "examples"):
        if isinstance(one.value, dict) and isinstance(one.value.get("name"), str) and "output" in one.value:
            no_flaws(reading.unknown(one, ("name", "args", "arguments", "output")))
            args = one.get("args") or one.get("arguments")
            yield ExampleOutput(one.value["name"], filled(one, args.value, names) if args else {}, one.value["output"])
        else:
            reading.wrong(one, "an example must have a name and an output", "write {name: …, args: {…}, output: …}")


# ---- rehearsals


def rehearsed(
    reading: TestReading, node: PlacedValue | None, names: Mapping[str, Any]
) -> tuple[tuple[Mapping[str, Any], ...], ...] | None:
    """Read what a model would say: texts, parts of a script, or lists of parts."""
    if node is None:
        return None
    if not isinstance(node.value, list):
        reading.wrong(node, "rehearse must be a list of answers", "write rehearse: [TEXT, …]")
        return None
    parts = [_parts(filled(one, one.value, names)) for one in node.items()]
    script = {"version": 1, "turns": [{"answers": parts}] if parts else []}
    if flaws := _script_flaws(reading, node, script):
        for place, message in flaws:
            reading.wrong(place, f"rehearse: {message}", "see docs/talking.md, A script")
        return None
    return tuple(tuple(one) for one in parts)


def _script_flaws(reading: TestReading, node: PlacedValue, script: Mapping[str, Any]) -> list[tuple[PlacedValue, str]]:
    """Return what is wrong with a script; the account's own reader is loaded only where the schema finds something."""
    if _script_schema().is_valid(script):
        return []
    from deployer.server import ScriptError, read_script

    try:
        read_script(script, reading.root)
    except ScriptError as error:
        return [(_flaw_place(node, flaw.path[3:]), flaw.message) for flaw in error.flaws]
    return [(node, "these are no answers of a script")]


@cache
def _script_schema() -> Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(load("script.schema.json"))


def _parts(answer: Any) -> list[Any]:
    """Return the parts of an answer; a text is one."""
    return [
        {"text": one} if isinstance(one, str) else one for one in (answer if isinstance(answer, list) else [answer])
    ]


def _flaw_place(node: PlacedValue, path: Sequence[str | int]) -> PlacedValue:
    """Follow a path into the list of answers as far as it goes: a text there has no part 0."""
    for step in path:
        try:
            node = node.at(step)
        except (KeyError, IndexError, TypeError):
            continue
    return node
