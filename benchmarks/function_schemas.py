"""What the rules of function schemas find and what they leave in peace, what `fix` does with it, and the time it takes.

Recall, precision and `fix` are measured on the answers of APIs and the live tools of `../shared/material`; schemas that
were kept back go into the same files. Time is that of the 8,888 functions of bfcl-eval: `pip download --no-deps
bfcl-eval`, unpack it, and name its folder `bfcl_eval` or `bfcl_eval/data` with DEPLOYER_BFCL; or install it. What is
not there is not measured, and said.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from benchmarks.figure import Figure, told
from deployer.functions.check import check_function, check_response_format
from deployer.functions.rules import RULES, Finding
from deployer.functions.strictness.fix import complete, make_strict
from deployer.functions.tree import Node, References
from deployer.manifest import yaml12
from deployer.manifest.edit import edit
from deployer.model import Severity

MATERIAL = Path(__file__).parents[1].parent / "shared" / "material"
FUNCTIONS = 8888
MOST_SECONDS = 1.5
SAMPLES, SEED, DEEPEST, EVEN = 20, 1, 8, 0.5
Row = Mapping[str, Any]
Function = dict[str, Any]


def main() -> int:
    figures = [*answers(), *fixing(), *speed()]
    return told(figures)


def answers() -> Iterator[Figure]:
    """Recall and precision on what the real API said, and the errors on live tools that nothing supports."""
    if not MATERIAL.is_dir():
        print(f"recall, precision, fix: not measured; there is no {MATERIAL}")
        return
    refused = [row for name in ("rejections", "rejections-2") for row in rows(name) if row.get("schema") is not None]
    missed = [row for row in refused if not errors(row)]
    taken = [row for name in ("accepted-schemas", "accepted-schemas-2") for row in rows(name)]
    wrong = [row for row in taken if errors(row)]
    live = rows("live-tools")
    unproven = [(row["name"], one.rule) for row in live for one in errors(row) if not _supported(one)]
    for row in (*missed, *wrong):
        print(f"  {row.get('id') or row.get('name')}: {[finding.rule for finding in errors(row)]}")
    yield Figure(f"recall on {len(refused)} refused schemas", _percent(len(missed), refused), 100, " %", at_least=True)
    yield Figure(f"precision on {len(taken)} accepted schemas", _percent(len(wrong), taken), 100, " %", at_least=True)
    yield Figure(f"errors without evidence on {len(live)} live tools", len(unproven), 0)


def rows(name: str) -> list[Row]:
    path = MATERIAL / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def errors(row: Row) -> list[Finding]:
    """Check a row as what it was sent as, on the surface that it was sent to."""
    surface = str(row.get("surface") or ("responses" if row.get("uri") == "/v1/responses" else "assistants"))
    name, strict = str(row.get("name") or "f"), row.get("strict") is True
    is_format = row.get("kind") == "format" or "format" in str(row.get("where") or "")
    found = (
        check_response_format(row["schema"], strict, surface, name)
        if is_format
        else check_function(_function(row, strict=strict), surface)
    )
    return [finding for finding in found if finding.severity is Severity.ERROR]


def _function(row: Row, *, strict: bool) -> Function:
    return {"name": row.get("name") or "f", "description": "d", "parameters": row["schema"], "strict": strict}


def _supported(finding: Finding) -> bool:
    return any(one.kind in ("recorded", "reported") for one in RULES[finding.rule].evidence)


def _percent(wrong: int, of: Sequence[Row]) -> float:
    return 100 * (1 - wrong / len(of)) if of else 0


def fixing() -> Iterator[Figure]:
    """`fix` on every schema that is not strict: the strict rules as judge, meaning by samples, comments by counting."""
    if not MATERIAL.is_dir():
        return
    names = ("accepted-schemas", "accepted-schemas-2", "live-tools", "rejections-2")
    loose = [row for name in names for row in rows(name) if row.get("strict") is not True and row["schema"]]
    wrong, changed, lost, refused = list[str](), list[str](), list[str](), 0
    for row in loose:
        function, name = _function(row, strict=False), str(row.get("name") or row.get("id"))
        fixed = make_strict(function)
        if fixed.refusals:
            refused += 1
            wrong += [name] * (not all(one.message and one.remedy for one in fixed.refusals))
            continue
        left = check_function(fixed.function, "responses")
        wrong += [name] * any(one.severity is Severity.ERROR for one in left)
        changed += [name] * (not _same_meaning(function["parameters"], fixed.function["parameters"]))
        lost += [name] * (not _keeps_comments(function, fixed.function))
    print(f"fix: {len(loose) - refused} of {len(loose)} made strict, {refused} refused with a reason")
    for what, found in (("wrong", wrong), ("changed", changed), ("comments lost", lost)):
        if found:
            print(f"  {what}: {', '.join(found)}")
    yield Figure("fixed, and refused by the strict rules or without a reason", len(wrong), 0)
    yield Figure("fixed with another meaning, by samples", len(changed), 0)
    yield Figure("fixed files that lose a comment", len(lost), 0)


def _same_meaning(before: Any, after: Any) -> bool:
    """Whether samples of the old schema are valid by the new one, with null for what they leave out."""
    old, new, chance = Draft202012Validator(before), Draft202012Validator(after), random.Random(SEED)  # noqa: S311 (samples, no secrets)
    drawn = (_sample(before, before, chance, 0) for _ in range(SAMPLES))
    return all(new.is_valid(complete(after, value)) for value in drawn if old.is_valid(value))


def _sample(schema: Any, root: Any, chance: random.Random, depth: int) -> Any:
    """Draw a value that the schema most likely admits; undeclared properties are no part of the promise."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return None
    if "$ref" in schema:
        target = References(root).target(Node(schema))
        return _sample(target.schema, root, chance, depth + 1) if isinstance(target, Node) else None
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            rest = {key: value for key, value in schema.items() if key != word}
            return _sample({**rest, **chance.choice(schema[word])}, root, chance, depth + 1)
    if "enum" in schema or "const" in schema:
        return chance.choice(schema.get("enum") or [schema.get("const")])
    kinds = schema.get("type", "string")
    return _of_kind(chance.choice(kinds) if isinstance(kinds, list) else kinds, schema, root, chance, depth)


def _of_kind(kind: str, schema: Any, root: Any, chance: random.Random, depth: int) -> Any:
    if kind == "object":
        always = schema.get("required", ())
        names = [name for name in schema.get("properties", {}) if name in always or chance.random() < EVEN]
        return {name: _sample(schema["properties"][name], root, chance, depth + 1) for name in names}
    if kind == "array":
        count = chance.randint(schema.get("minItems", 0), schema.get("minItems", 0) + 2)
        return [_sample(schema.get("items"), root, chance, depth + 1) for _ in range(count)]
    low, high = schema.get("minimum", 0), schema.get("maximum", schema.get("minimum", 0) + 9)
    plain = {"integer": int(chance.randint(int(low), int(max(low, high)))), "number": low, "null": None}
    plain |= {"boolean": chance.random() < EVEN, "string": "x" * max(1, schema.get("minLength", 1))}
    return plain.get(kind)


def _keeps_comments(before: Function, after: Function) -> bool:
    """Whether a comment behind every line of the file is there after `fix`."""
    lines = list(_yaml(before, 0))
    text = "".join(f"{line}  # c{number}c\n" for number, line in enumerate(lines))
    data, _ = yaml12.read(text)
    changed = edit(text, data, after, is_json=False)
    return all(f"# c{number}c" in changed for number in range(len(lines)))


def _yaml(value: Any, indent: int) -> Iterator[str]:
    """Write YAML in which every value has a line of its own."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        start = (
            f"{' ' * indent}{json.dumps(key, ensure_ascii=False)}:" if isinstance(value, dict) else f"{' ' * indent}-"
        )
        if isinstance(item, dict | list) and item:
            yield start
            yield from _yaml(item, indent + 2)
        else:
            yield f"{start} {json.dumps(item, ensure_ascii=False)}"


def speed() -> Iterator[Figure]:
    folder = data_folder()
    if folder is None:
        print("time: not measured; bfcl-eval is not installed and DEPLOYER_BFCL names no folder of it")
        return
    functions = list(read(folder))
    since = time.process_time()
    found = [check_function(function, "assistants") for function in functions]
    seconds = time.process_time() - since
    print(table(found))
    yield Figure("functions of bfcl-eval", len(functions), FUNCTIONS, at_least=True)
    yield Figure("all of them checked, CPU", seconds, MOST_SECONDS, " s")


def data_folder() -> Path | None:
    """Find the package's data without importing it, which would import a dozen SDKs."""
    named = os.environ.get("DEPLOYER_BFCL")
    spec = None if named else importlib.util.find_spec("bfcl_eval")
    folder = Path(named) if named else Path(spec.origin).parent if spec and spec.origin else None
    if folder is not None and (folder / "data").is_dir():
        folder /= "data"
    return folder if folder is not None and folder.is_dir() else None


def read(folder: Path) -> Iterator[Function]:
    """Return every function of the questions and of the multi-turn documents, not those of `unused_datasets`."""
    for file in sorted([*folder.glob("*.json"), *folder.glob("multi_turn_func_doc/*.json")]):
        yield from _functions(_rows(file.read_text(encoding="utf-8")))


def _rows(text: str) -> list[Any]:
    """Most files have one JSON value a line; some are one value as a whole."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _functions(value: Any) -> Iterator[Function]:
    if isinstance(value, dict) and isinstance(value.get("name"), str) and "parameters" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _functions(inner)


def table(found: Sequence[Sequence[Finding]]) -> str:
    """Return how many functions break which rule, as Markdown."""
    severities = {finding.rule: finding.severity for findings in found for finding in findings}
    counts = Counter(rule for findings in found for rule in {finding.rule for finding in findings})
    rows = [f"| `{rule}` | {severities[rule]} | {count} |" for rule, count in counts.most_common()]
    clean = sum(not findings for findings in found)
    return "\n".join(["| rule | severity | functions |", "|---|---|---|", *rows, f"| none | | {clean} |", ""])


if __name__ == "__main__":
    sys.exit(main())
