"""What the `tests:` of a manifest name, and Promptfoo's configurations as they are → tests.

Prompts become what the user says, providers addresses. The names are those of Promptfoo's reference, read 2026-11-28.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer import json_text
from deployer.manifest.document import SourceDocument
from deployer.manifest.suggest import nearest
from deployer.model import Problem
from deployer.testing.cases import TestCase
from deployer.testing.combining import Prompt, Surroundings, cases, provider_name, warning
from deployer.testing.reading import TestReading
from deployer.testing.template import Flawed, PlacedValue, flawed

_REFERENCE = ("file", "address", "providers", "prompts", "tags")
_UNUSED: Mapping[str, str] = {
    **dict.fromkeys(("outputPath", "writeLatestResults", "sharing"), "use --format"),
    **dict.fromkeys(("evaluateOptions", "commandLineOptions"), "use --concurrency, --repeat and --retries"),
    **dict.fromkeys(("env", "nunjucksFilters", "extensions"), "it runs nothing here"),
    **dict.fromkeys(("derivedMetrics", "redteam", "tracing", "targets_config"), "it measures nothing here"),
    **dict.fromkeys(("tags", "metadata", "author"), "it names nothing here"),
}
"""Keys of a configuration that change nothing about what is tested, each with what to do instead."""
_CONFIG = ("description", "prompts", "providers", "targets", "tests", "defaultTest", "scenarios", "assertionTemplates")
_IGNORED = ("description", "$schema", "version", "id")
_TEST_FILES = (".yaml", ".yml", ".json", ".jsonl", ".csv")
_SYSTEM = ("system", "developer")
_ANSWERING = {"assistant", "tool", "function"}


@dataclass(frozen=True, slots=True)
class FileMapping:
    """What a manifest says of a file of tests: the address of all, those of providers and of prompts."""

    address: str = ""
    providers: PlacedValue | None = None
    prompts: PlacedValue | None = None
    tags: frozenset[str] = frozenset()


def read_tests(reading: TestReading, entries: Sequence[PlacedValue]) -> list[TestCase]:
    """Read everything that entries of `tests:` declare and name."""
    return [case for entry in entries for case in _entry(reading, entry)]


def _entry(reading: TestReading, node: PlacedValue) -> list[TestCase]:
    """Read one entry: a test, a file or a pattern of them, or a file with what it is mapped to."""
    if isinstance(node.value, str):
        return _files(reading, node, node.value, FileMapping())
    if isinstance(node.value, dict) and "file" in node.value:
        known = reading.unknown(node, _REFERENCE)
        address, tags = node.get("address"), node.get("tags")
        told = frozenset(map(str, tags.value)) if tags and isinstance(tags.value, list) else frozenset()
        mapped = FileMapping(_address(reading, address), node.get("providers"), node.get("prompts"), told)
        del known
        return _files(reading, node.at("file"), str(node.value["file"]), mapped)
    if isinstance(node.value, dict) and "tests" in node.value:
        return _config(reading, node, FileMapping())
    return cases(reading, node, Surroundings())


def _address(reading: TestReading, node: PlacedValue | None) -> str:
    if node is None:
        return ""
    if node.value not in reading.addresses:
        remedy = nearest(str(node.value), reading.addresses, "declare it, or correct the address")
        reading.wrong(node, f"there is no {node.value}", remedy)
    return str(node.value)


def _files(reading: TestReading, node: PlacedValue, pattern: str, mapped: FileMapping) -> list[TestCase]:
    try:
        paths = reading.files(node, pattern)
        found = [case for path in paths for case in _file(reading, node, path, mapped)]
    except Flawed as error:
        reading.problems.append(replace(error.problem, position=error.problem.position or node.position))
        return []
    return [replace(case, tags=case.tags | mapped.tags) for case in found]


def _relative(reading: TestReading, node: PlacedValue, path: Path) -> str:
    base = (reading.root / node.document.name).parent
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def _file(reading: TestReading, node: PlacedValue, path: Path, mapped: FileMapping) -> list[TestCase]:
    if path.suffix not in _TEST_FILES:
        flawed(node, f"{path.name} is no file of tests", f"write one of {', '.join(_TEST_FILES)}")
    found = _rows(reading, node, path)
    if isinstance(found.value, list):
        around = Surroundings(address=mapped.address)
        return [case for one in found.items() for case in cases(reading, one, around)]
    if not isinstance(found.value, dict):
        flawed(found, "these are no tests", "write a list of tests, or a configuration of Promptfoo")
    return _config(reading, found, mapped)


def _rows(reading: TestReading, node: PlacedValue, path: Path) -> PlacedValue:
    """Return the data of a file of tests, whatever its format."""
    name = _relative(reading, node, path)
    if path.suffix == ".csv":
        return _of_csv(reading, node, name)
    if path.suffix == ".jsonl":
        return _of_lines(reading, node, name)
    document = reading.file(node, name)
    return PlacedValue(document, (), document.data)


# ---- a configuration


def _config(reading: TestReading, node: PlacedValue, mapped: FileMapping) -> list[TestCase]:
    if not ({"tests", "prompts", "providers", "targets", "scenarios"} & set(node.value)):
        return cases(reading, node, Surroundings(address=mapped.address))
    notes = tuple(warning(node, f"{key} is not used", _UNUSED[key], key) for key in node.value if key in _UNUSED)
    known = (*_CONFIG, *_UNUSED, *_IGNORED)
    reading.unknown(node.with_value({key: one for key, one in node.value.items() if key not in _UNUSED}), known, {})
    providers = _providers(reading, node, mapped)
    around = Surroundings(
        _default(reading, node),
        tuple(_prompts(reading, node.get("prompts"), mapped)),
        providers,
        node.get("assertionTemplates"),
        mapped.address,
        notes,
    )
    found = [case for one in _tests(reading, node.get("tests")) for case in cases(reading, one, around)]
    found += [case for one in _scenarios(reading, node) for case in cases(reading, one, around)]
    if not found and not reading.problems and around.prompts:  # prompts and assertions alone are one test
        found = cases(reading, node.with_value({}), around)
    return found


def _default(reading: TestReading, node: PlacedValue) -> PlacedValue | None:
    found = node.get("defaultTest")
    if found and isinstance(found.value, str):
        document = reading.file(found, found.value)
        return PlacedValue(document, (), document.data)
    return found


def _tests(reading: TestReading, node: PlacedValue | None) -> Iterator[PlacedValue]:
    """Return the tests that stand there, and those of files that are named there."""
    if node is None:
        return
    entries = node.items() if isinstance(node.value, list) else [node]
    for one in entries:
        if not isinstance(one.value, str):
            yield from _named_file(reading, one)
            continue
        if re.match(r"(?!file:)[a-z]+://", one.value) or one.value.partition(":")[0].endswith((".py", ".js", ".ts")):
            flawed(one, f"tests from {one.value} are not supported", "write them as YAML, JSON, JSONL or CSV")
        for path in reading.files(one, one.value):
            found = _rows(reading, one, path)
            yield from found.items() if isinstance(found.value, list) else [found]


def _named_file(reading: TestReading, node: PlacedValue) -> Iterator[PlacedValue]:
    """A mapping with nothing but a path stands for the tests of that file."""
    path = node.value.get("path") if isinstance(node.value, dict) else None
    if not isinstance(path, str):
        yield node
        return
    del reading
    flawed(node, f"tests from {path} are not supported", "write them as YAML, JSON, JSONL or CSV")


def _scenarios(reading: TestReading, node: PlacedValue) -> Iterator[PlacedValue]:
    """Return the tests of scenarios: each of its tests with each of its choices of vars."""
    scenarios = node.get("scenarios")
    for one in scenarios.items() if scenarios else ():
        if isinstance(one.value, str):
            flawed(one, "a file of scenarios is not supported", "write them as tests")
        config, tests = one.get("config"), one.get("tests")
        for choice in config.items() if config else ():
            for test in tests.items() if tests else ():
                yield test.with_value(_merged(choice.value, test.value))
    del reading


def _merged(default: Mapping[str, Any], test: Mapping[str, Any]) -> dict[str, Any]:
    """Return a test with what a scenario adds; positions are those of the test."""
    names = {**(default.get("vars") or {}), **(test.get("vars") or {})}
    told = [*(test.get("assert") or []), *(default.get("assert") or [])]
    return {**default, **test, **({"vars": names} if names else {}), **({"assert": told} if told else {})}


# ---- providers


def _providers(reading: TestReading, node: PlacedValue, mapped: FileMapping) -> dict[str, str | Problem]:
    """Return the address of each provider, or why it has none."""
    told = node.get("providers") or node.get("targets")
    if told is None:
        return {}
    if isinstance(told.value, str) and told.value.startswith("file://"):
        document = reading.file(told, told.value)
        told = PlacedValue(document, (), document.data)
    entries = told.items() if isinstance(told.value, list) else [told]
    return {provider_name(one.value): _provider(reading, one, mapped) for one in entries}


def _provider(reading: TestReading, node: PlacedValue, mapped: FileMapping) -> str | Problem:
    name = provider_name(node.value)
    ids = [name, *([str(node.value["id"])] if isinstance(node.value, dict) and "id" in node.value else [])]
    given = mapped.providers.value if mapped.providers and isinstance(mapped.providers.value, dict) else {}
    for one in ids:
        if one in given and mapped.providers:
            return _address(reading, mapped.providers.at(one))
        plain = one.removeprefix("deployer:")
        if plain in reading.addresses:
            return plain
    if mapped.address:
        return mapped.address
    if len(reading.addresses) == 1:
        return reading.addresses[0]
    remedy = f"write providers: {{{json.dumps(name)}: assistant/NAME}} beside file:, or address: for all"
    return Problem(
        f"the provider {name!r} is mapped to no address", remedy, node.document.address(node.path), node.position
    )


# ---- prompts


def _prompts(reading: TestReading, node: PlacedValue | None, mapped: FileMapping) -> Iterator[Prompt]:
    if node is None:
        return
    for one in _prompt_entries(reading, node):
        try:
            yield from _prompt(reading, one, mapped)
        except Flawed as error:
            yield Prompt(_prompt_name(one), ("",), one, flaws=(error.problem,))


def _prompt_entries(reading: TestReading, node: PlacedValue) -> list[PlacedValue]:
    """Return prompts as they stand; a file of YAML with a list of them stands for those."""
    entries = node.items() if isinstance(node.value, list) else [node]
    result = []
    for one in entries:
        if isinstance(one.value, str) and re.search(r"\.ya?ml$", one.value):
            document = reading.file(one, one.value)
            chat = isinstance(document.data, list) and all(
                isinstance(item, dict) and "role" in item for item in document.data
            )
            if isinstance(document.data, list) and not chat:
                result += PlacedValue(document, (), document.data).items()
                continue
        result.append(one)
    return result


def _prompt_name(node: PlacedValue) -> str:
    if isinstance(node.value, dict):
        return str(node.value.get("label") or node.value.get("id") or node.value.get("raw") or "")
    return str(node.value)


def _prompt(reading: TestReading, node: PlacedValue, mapped: FileMapping) -> Iterator[Prompt]:
    name, given = _prompt_name(node), _mapped_prompt(mapped, _prompt_name(node))
    addresses = (_address(reading, given),) if given and isinstance(given.value, str) else ()
    if given and isinstance(given.value, dict):
        addresses = (_address(reading, given.get("address")),) if given.get("address") else ()
        if isinstance(given.value.get("user"), str):
            yield Prompt(name, (given.value["user"],), given, addresses)
            return
    for place, text in _prompt_texts(reading, node):
        yield _of_text(name, place, text, addresses)


def _mapped_prompt(mapped: FileMapping, name: str) -> PlacedValue | None:
    return mapped.prompts.get(name) if mapped.prompts and isinstance(mapped.prompts.value, dict) else None


def _prompt_texts(reading: TestReading, node: PlacedValue) -> Iterator[tuple[PlacedValue, Any]]:
    """Return the texts of a prompt: as they stand, or of the files that are named; `---` ends one in a text file."""
    value = node.value
    if isinstance(value, dict):
        value = value.get("raw", value.get("prompt", value.get("id")))
    if isinstance(value, list):
        yield node, value
        return
    text = str(value)
    named = text.startswith("file://") or re.fullmatch(r"[\w./*-]+\.(txt|json|ya?ml|md|j2)", text)
    if not named:
        if re.match(r"[a-z]+://", text) or re.search(r"\.(py|js|ts|cjs|mjs)(:\w+)?$", text):
            flawed(node, f"the prompt {text} is not supported", "write what the user says")
        yield node, text
        return
    if re.search(r"\.(py|js|ts|cjs|mjs)(:\w+)?$", text):
        flawed(node, f"{text} is code, which is not run here", "write what the user says")
    for path in reading.files(node, text):
        relative = _relative(reading, node, path)
        if path.suffix == ".txt":
            for part in re.split(r"(?m)^---\s*$", reading.text(node, relative)):
                yield node, part.strip()
        else:
            yield node, reading.text(node, relative)


def _of_text(name: str, node: PlacedValue, text: Any, addresses: tuple[str, ...]) -> Prompt:
    """Make a prompt of a text, or of messages of a chat: what the assistant would be told has the assistant itself."""
    messages = text if isinstance(text, list) else _messages(text)
    if messages is None:
        return Prompt(name, (str(text),), node, addresses)
    roles = [str(one.get("role")) for one in messages]
    flaws, notes = [], []
    if set(roles) & _ANSWERING:
        what = "a prompt with messages of the assistant is not supported"
        flaws.append(
            Problem(what, "write turns: the assistant says its own", node.document.address(node.path), node.position)
        )
    if set(roles) & set(_SYSTEM):
        what = "the system message of the prompt is not sent: the assistant has its own instructions"
        notes.append(warning(node, what, "keep what it says in the manifest"))
    says = tuple(_content(one.get("content")) for one in messages if one.get("role") == "user")
    if not says:
        what = "the prompt has no message of the user"
        remedy = f"write prompts: {{{json.dumps(name)}: {{user: '{{{{question}}}}'}}}} beside file:"
        flaws.append(Problem(what, remedy, node.document.address(node.path), node.position))
    return Prompt(name, says or ("",), node, addresses, tuple(flaws), tuple(notes))


def _content(value: Any) -> str:
    """Return the text of a message, which may stand in parts."""
    if isinstance(value, list):
        return "\n".join(str(one.get("text", "")) for one in value if isinstance(one, dict))
    return str(value or "")


def _messages(text: Any) -> list[Mapping[str, Any]] | None:
    """Return the messages of a chat that a text holds as JSON or YAML; None for any other text."""
    stripped = str(text).strip()
    if not stripped.startswith(("[", "- ")):
        return None
    try:
        found = json_text.loads(stripped) if stripped.startswith("[") else _of_yaml(stripped)
    except ValueError:
        return None
    chat = isinstance(found, list) and bool(found) and all(isinstance(one, dict) and "role" in one for one in found)
    return found if chat else None


def _of_yaml(text: str) -> Any:
    from deployer.manifest import yaml12

    try:
        return yaml12.read(text)[0]
    except yaml12.YamlError as error:
        raise ValueError(error.message) from None


# ---- tables


def _of_lines(reading: TestReading, node: PlacedValue, name: str) -> PlacedValue:
    rows = []
    for number, line in enumerate(reading.text(node, name).splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(json_text.loads(line))
        except ValueError as error:
            flawed(node, f"{name}:{number} is no JSON ({error})", "write one test a line")
    return _table(reading, node, name, rows)


def _table(reading: TestReading, node: PlacedValue, name: str, rows: list[Any]) -> PlacedValue:
    """Return rows as a document: what is wrong with one is told at the file that it stands in."""
    path = reading.path(node, name)
    document = SourceDocument(reading.name(path), rows, replace(node.document.positions, inside={}))
    return PlacedValue(document, (), rows)


def _of_csv(reading: TestReading, node: PlacedValue, name: str) -> PlacedValue:
    """Read a table of tests: columns are vars, those that begin with `__` say what is expected."""
    reader = csv.DictReader(io.StringIO(reading.text(node, name)))
    return _table(reading, node, name, [_of_row(row) for row in reader])


def _of_row(row: Mapping[str, str | None]) -> dict[str, Any]:
    test: dict[str, Any] = {"vars": {}, "assert": []}
    metadata: dict[str, Any] = {}
    for column, cell in row.items():
        name, text = str(column or "").strip(), cell if isinstance(cell, str) else ""
        if re.fullmatch(r"__expected\d*", name):
            test["assert"] += [_of_cell(text)] if text.strip() else []
        elif name == "__description":
            test["description"] = text
        elif name == "__threshold" and text:
            test["threshold"] = float(text)
        elif name in ("__prefix", "__suffix") and text:
            test.setdefault("options", {})[name.removeprefix("__")] = text
        elif name.startswith("__metadata:"):
            metadata[name.removeprefix("__metadata:").removesuffix("[]")] = text
        elif name.startswith("__"):
            if text:
                test[name] = text
        elif name:
            test["vars"][name] = text
    return {**test, **({"metadata": metadata} if metadata else {})}


_CELL = re.compile(r"(?P<type>(?:not-)?[a-z][a-z0-9:-]*?)(?:\((?P<threshold>[\d.]+)\))?\s*:\s*(?P<value>.*)", re.DOTALL)
_SHORT = {"fn": "javascript", "eval": "javascript", "grade": "llm-rubric"}
_BARE = ("is-json", "contains-json", "is-refusal", "not-is-refusal", "not-is-json", "not-contains-json")
_WITH_LISTS = ("contains-any", "contains-all", "icontains-any", "icontains-all")


def _of_cell(text: str) -> dict[str, Any]:
    """Read a cell of what is expected: `TYPE: VALUE`, `TYPE(THRESHOLD): VALUE`, or a text that is expected as it is."""
    from deployer.testing.assertions import RULES, UNSUPPORTED

    stripped = text.strip()
    if stripped in _BARE:
        return {"type": stripped}
    found = _CELL.fullmatch(stripped)
    if not found and (bare := re.fullmatch(r"(not-)?(latency|cost)\(([\d.]+)\)", stripped)):
        return {"type": f"{bare[1] or ''}{bare[2]}", "threshold": float(bare[3])}
    kind = _SHORT.get(found["type"], found["type"]) if found else ""
    if not found or kind.removeprefix("not-") not in {*RULES, *UNSUPPORTED}:
        return {"type": "equals", "value": text}
    value: Any = found["value"]
    if kind.removeprefix("not-") in _WITH_LISTS:
        value = [one.strip() for row in csv.reader([value], skipinitialspace=True) for one in row]
    if kind in ("is-json", "contains-json"):
        value = json_text.loads(value) if value.strip() else None
    return {"type": kind, "value": value, **({"threshold": float(found["threshold"])} if found["threshold"] else {})}
