"""A test with what it stands in → cases: one for each choice of its vars, each prompt and each address."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.manifest.suggest import nearest
from deployer.model import Problem, Severity
from deployer.testing.cases import TestCase, TestTurn
from deployer.testing.reading import CODE, DATA, FOREIGN, TestReading, assertions, examples, rehearsed, turns
from deployer.testing.template import Flawed, PlacedValue, filled, flawed, shown
from deployer.wording import cut

_MOST_COMBINATIONS = 10_000
_OPTIONS = ("prefix", "suffix", "disableVarExpansion")
_TEST = (
    *("description", "address", "vars", "turns", "assert", "threshold", "rehearse", "outputs", "examples", "tags"),
    *("options", "metadata", "provider", "providers", "prompts"),
)


def combinations(reading: TestReading, node: PlacedValue | None, *, expand: bool = True) -> Iterator[dict[str, Any]]:
    """Return every choice of values: where a variable has a list, one of each."""
    if node is None:
        yield {}
        return
    if isinstance(node.value, str):
        node = _variables_of_file(reading, node)
    if not isinstance(node.value, dict):
        reading.wrong(node, "vars must be a mapping", "write vars: {name: value}")
        return
    choices = {str(name): _choices(reading, node.at(name), expand=expand) for name in node.value}
    number = 1
    for one in choices.values():
        number *= len(one)
    if number > _MOST_COMBINATIONS:
        flawed(node, f"the lists of vars make {number:,} tests", f"at most {_MOST_COMBINATIONS:,} are made")
    for values in itertools.product(*choices.values()):
        names = dict(zip(choices, values, strict=True))
        yield {
            name: filled(node, value, {**names, "env": {}}) if _has_template(value) else value
            for name, value in names.items()
        }


def _has_template(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def _variables_of_file(reading: TestReading, node: PlacedValue) -> PlacedValue:
    found = reading.file(node, node.value)
    return PlacedValue(found, (), found.data)


def _choices(reading: TestReading, node: PlacedValue, *, expand: bool) -> list[Any]:
    values = node.value if isinstance(node.value, list) and expand else [node.value]
    nodes = node.items() if isinstance(node.value, list) and expand else [node]
    return [found for place, value in zip(nodes, values, strict=True) for found in _loaded(reading, place, value)]


def _loaded(reading: TestReading, node: PlacedValue, value: Any) -> list[Any]:
    if not isinstance(value, str) or not value.startswith("file://"):
        return [value]
    if value.endswith(CODE):
        flawed(node, f"{value} is code, which is not run here", "write the value itself")
    return [_content(reading, node, path) for path in reading.files(node, value)]


def _content(reading: TestReading, node: PlacedValue, path: Path) -> Any:
    name = reading.name(path)
    base = (reading.root / node.document.name).parent
    text = path.relative_to(base).as_posix() if path.is_relative_to(base) else name
    return reading.file(node, text).data if path.suffix in DATA else reading.text(node, text)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a prompt has the user say, message by message, as templates; `flaws` are why it cannot be said.

    `addresses` are those that it is for, none where it is for all.
    """

    name: str
    says: tuple[str, ...]
    node: PlacedValue
    addresses: tuple[str, ...] = ()
    flaws: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a test stands in: what holds for each (`default`), prompts, providers with their addresses, templates."""

    default: PlacedValue | None = None
    prompts: tuple[Prompt, ...] = ()
    providers: Mapping[str, str | Problem] = field(default_factory=dict)
    templates: PlacedValue | None = None
    address: str = ""
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _TestInPlace:
    """A test with what holds for all: what the test says itself goes first."""

    test: PlacedValue
    default: PlacedValue | None

    def get(self, name: str) -> PlacedValue | None:
        return self.test.get(name) or (self.default.get(name) if self.default else None)

    def both(self, name: str) -> list[PlacedValue]:
        """Return it as it stands in the default and in the test."""
        places = ([self.default] if self.default else []) + [self.test]
        return [found for one in places if (found := one.get(name))]


def cases(reading: TestReading, node: PlacedValue, around: Surroundings) -> list[TestCase]:
    """Read one test: a case for each choice of its vars, each prompt and each address."""
    if not isinstance(node.value, dict):
        reading.wrong(node, "a test must be a mapping", "write {turns: [{user: …}], assert: [ … ]}")
        return []
    pair = _TestInPlace(node, around.default if around.default and isinstance(around.default.value, dict) else None)
    flaws = reading.unknown(node, _TEST)
    if pair.default:
        flaws = [*reading.unknown(pair.default, _TEST), *flaws]
    flaws += _option_flaws(reading, pair)
    places = _addresses(reading, pair, around)
    try:
        chosen = list(_all_combinations(reading, pair))
    except Flawed as error:
        return [_broken(node, address, [*flaws, error.problem]) for address in places or [""]]
    return [one for names in chosen for one in _of_names(reading, pair, around, places, names, flaws)]


def _of_names(  # noqa: PLR0913, PLR0917 (what a test stands in)
    reading: TestReading,
    pair: _TestInPlace,
    around: Surroundings,
    places: Sequence[str],
    names: Mapping[str, Any],
    flaws: Sequence[Problem],
) -> Iterator[TestCase]:
    own = pair.get("turns")
    prompts: Sequence[Prompt | None] = [None] if own else _wanted_prompts(pair, around)
    if not prompts:
        what = "nothing is said: there are neither turns nor prompts"
        reading.wrong(pair.test, what, "write turns: [{user: …}]")
        return
    for prompt, address in itertools.product(prompts, places or [""]):
        if prompt and prompt.addresses and address not in prompt.addresses:
            continue
        try:
            yield _case(reading, pair, around, prompt, address, names, flaws)
        except Flawed as error:
            yield _broken(pair.test, address, [*flaws, error.problem])


def _case(  # noqa: PLR0913, PLR0917 (as above)
    reading: TestReading,
    pair: _TestInPlace,
    around: Surroundings,
    prompt: Prompt | None,
    address: str,
    names: Mapping[str, Any],
    flaws: Sequence[Problem],
) -> TestCase:
    own = pair.get("turns")
    said = tuple(turns(reading, own, names, around.templates)) if own else _said(prompt, pair, names)
    told = [one for node in pair.both("assert") for one in assertions(reading, node, names, around.templates)]
    threshold = pair.get("threshold")
    if threshold and (isinstance(threshold.value, bool) or not isinstance(threshold.value, int | float)):
        reading.wrong(threshold, "threshold must be a number", "correct it")
        threshold = None
    outputs = pair.get("outputs")
    flaws = [*flaws, *(prompt.flaws if prompt else ()), *_unaddressed(pair.test, address, around)]
    return TestCase(
        _name(pair.test, said, names),
        address,
        said,
        tuple(told),
        None if threshold is None else float(threshold.value),
        rehearsed(reading, pair.get("rehearse"), names),
        filled(outputs, outputs.value, names) if outputs and isinstance(outputs.value, dict) else {},
        tuple(examples(reading, pair.test, names)),
        _tags(pair),
        pair.test.position,
        tuple(dict.fromkeys(flaws)),
        (*around.notes, *(prompt.notes if prompt else ())),
        (pair.test.document.name, pair.test.path),
    )


def _broken(node: PlacedValue, address: str, flaws: Sequence[Problem]) -> TestCase:
    name = node.value.get("description") or f"test at {node.position}"
    return TestCase(str(name), address, (), position=node.position, flaws=tuple(dict.fromkeys(flaws)))


def _said(prompt: Prompt | None, pair: _TestInPlace, names: Mapping[str, Any]) -> tuple[TestTurn, ...]:
    if prompt is None:
        return ()
    options = {
        key: node.value[key] for node in pair.both("options") if isinstance(node.value, dict) for key in node.value
    }
    before, after = str(options.get("prefix", "")), str(options.get("suffix", ""))
    texts = [shown(filled(prompt.node, text, names)) for text in prompt.says]
    turns = [TestTurn(text, position=pair.test.position) for text in texts]
    if turns and (before or after):
        turns[-1] = replace(turns[-1], user=f"{before}{turns[-1].user}{after}")
    return tuple(turns)


def _name(node: PlacedValue, turns: Sequence[TestTurn], names: Mapping[str, Any]) -> str:
    told = node.value.get("description")
    if isinstance(told, str) and told:
        return str(filled(node, told, names)) if "{{" in told else told
    return cut(" ".join(turns[0].user.split()), 80) if turns else f"test at {node.position}"


def _tags(pair: _TestInPlace) -> frozenset[str]:
    tags = [
        str(tag) for node in pair.both("tags") for tag in (node.value if isinstance(node.value, list) else [node.value])
    ]
    pairs = [node.value for node in pair.both("metadata") if isinstance(node.value, dict)]
    return frozenset([*tags, *(f"{name}={value}" for one in pairs for name, value in one.items())])


def _all_combinations(reading: TestReading, pair: _TestInPlace) -> Iterator[dict[str, Any]]:
    options = [node.value for node in pair.both("options") if isinstance(node.value, dict)]
    expand = not any(one.get("disableVarExpansion") for one in options)
    given = pair.both("vars")
    for values in itertools.product(*(list(combinations(reading, one, expand=expand)) for one in given)):
        names = {name: value for one in values for name, value in one.items()}
        yield {**names, "vars": names} if "vars" not in names else names


def _option_flaws(reading: TestReading, pair: _TestInPlace) -> list[Problem]:
    """Say which options are not supported; those that only say how to run are no concern of the test."""
    found = []
    for node in pair.both("options"):
        if isinstance(node.value, dict):
            unknown = {**FOREIGN, **dict.fromkeys(("repeat", "runSerially", "provider"), "")}
            known = {name: why for name, why in unknown.items() if why}
            kept = node.with_value({key: one for key, one in node.value.items() if unknown.get(key) != ""})
            found += reading.unknown(kept, _OPTIONS, known)
        else:
            reading.wrong(node, "options must be a mapping", "remove them")
    return found


# ---- addresses


def _wanted_prompts(pair: _TestInPlace, around: Surroundings) -> list[Prompt]:
    node = pair.get("prompts")
    if node is None:
        return list(around.prompts)
    names = node.value if isinstance(node.value, list) else [node.value]
    return [one for one in around.prompts if any(_named(one.name, str(name)) for name in names)]


def _named(name: str, wanted: str) -> bool:
    return name == wanted or (wanted.endswith("*") and name.startswith(wanted.removesuffix("*")))


def _addresses(reading: TestReading, pair: _TestInPlace, around: Surroundings) -> list[str]:
    """Return whom a test talks to: its own address, those of its providers, or of all providers."""
    told = pair.get("address")
    if told is not None:
        return [_declared(reading, told, str(told.value))]
    wanted = pair.get("providers") or pair.get("provider")
    names = list(around.providers) if wanted is None else _provider_names(wanted)
    found = {name: around.providers.get(name, around.address) for name in names}
    known = [one for one in found.values() if isinstance(one, str) and one]
    if known or not found:
        return list(dict.fromkeys(known or ([around.address] if around.address else _only(reading))))
    return []


def _provider_names(node: PlacedValue) -> list[str]:
    return [provider_name(one) for one in (node.value if isinstance(node.value, list) else [node.value])]


def provider_name(value: Any) -> str:
    """Return what a provider is called: its label, or else its id."""
    if isinstance(value, dict):
        if "id" in value or "label" in value:
            return str(value.get("label") or value.get("id"))
        return str(next(iter(value), ""))
    return str(value)


def _only(reading: TestReading) -> list[str]:
    return list(reading.addresses) if len(reading.addresses) == 1 else []


def _declared(reading: TestReading, node: PlacedValue, text: str) -> str:
    if text in reading.addresses:
        return text
    for address in reading.addresses:
        if address.partition("/")[2] == text:
            return address
    reading.wrong(node, f"there is no {text}", nearest(text, reading.addresses, "declare it, or correct the address"))
    return text


def _unaddressed(node: PlacedValue, address: str, around: Surroundings) -> Iterator[Problem]:
    if address:
        return
    missing = [one for one in around.providers.values() if isinstance(one, Problem)]
    if missing:
        yield from missing
    else:
        remedy = "write address: assistant/NAME"
        yield Problem("it says not whom it talks to", remedy, node.document.address(node.path), node.position)


def warning(node: PlacedValue, what: str, remedy: str, key: str = "") -> Problem:
    """Return what is not done as it stands there, and changes nothing about what is tested."""
    place = node.key(key) if key else node.position
    return Problem(what, remedy, node.document.address(node.path), place, Severity.WARNING)
