"""What is said of bad input, as JSON: run by every Python that is here, to be compared.

python -m tests.support.messages
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from starlette.testclient import TestClient

from deployer import json_text
from deployer.functions.check import check_examples, check_function
from deployer.functions.python.static import agreement_static
from deployer.manifest import yaml12
from deployer.server import EmbeddedAccount
from tests.support import problems
from tests.support.project import Project

JSON = (
    *(
        "[1,]",
        '{"a":1 , }',
        "[,]",
        "{,}",
        "[1,,2]",
        '{"a"}',
        '{"a":}',
        "[1 2]",
        '{"a":1 "b"}',
        "",
        "nul",
        '"a',
        '"\\x"',
    ),
    *("{a:1}", "{'a':1}", "[1", '{"a":1', '{"a":1,', "[1,", "01", "1.", "-", '"\t"', "[1]x", '{"a":1,,}', "\ufeff{}"),
    *(
        "[}",
        "{]",
        '{"a":1,]',
        "[1,}",
        '{"a":[1,],}',
        '{"a" 1}',
        "{1:2}",
        '"\\u12"',
        '"\\ud800"',
        "[NaN,]",
        "[Infinity]",
    ),
    *("[" * 99, "[" * 103, "[" * 5_000, "[" * 100_000, '{"a":' * 5_000, "9" * 5_000, '{"a": 1, "a": 2}'),
)
YAML = (
    *(
        "a: b: c",
        "a: [1",
        "a: {b",
        "\ta: 1",
        "a:\n\t- b",
        "a: 'b",
        'a: "b\\q"',
        "a: *b",
        "&a",
        "a: !x b",
        "<<: {}",
        "? a",
    ),
    *(
        "a: 1\na: 2",
        "a: .inf",
        "a: 1e999",
        "- - a\n - b",
        "%a",
        "a: @b",
        "a: `b",
        "a\0b",
        "a: \x07",
        "--- a\n--- b",
        "a: |x",
    ),
    *("[" * 99, "[" * 102, "[" * 5_000, "{a: " * 5_000, "- " * 5_000, "? " * 500, "a: &a [*a]", "[1, 2" + "\n" * 9),
)
PATTERNS = (
    *(
        "(",
        "[",
        "*a",
        "a**",
        "(?P<1>a)",
        "\\z",
        "a\\\\\\z",
        "\\p{L}",
        "(?<=a*)b",
        "a{99999999999}",
        "a(?i)",
        "(?P<a>)(?P<a>)",
    ),
    *(
        "\\8",
        "[z-a]",
        "x{2,1}",
        "(?#",
        "(?P=b)",
        "(?(2)a|b)",
        "[[a]",
        "(?z)",
        ")",
        "a\\",
        "(" * 101 + ")" * 101,
        "(" * 450,
    ),
)
EXAMPLES = (
    "[1,]",
    "{",
    "[" * 200 + "]" * 200,
    "[" * 100_000,
    '{"a": NaN}',
    {"a": float("inf")},
    {"a": [[[["x"] * 3]]]},
)
HANDLERS = (
    *("x = " + "-" * 1_100 + "1", "x = " + "-" * 100_000 + "1", "if x: pass\n" + "elif x: pass\n" * 1_100),
    *(
        "def f(a: " + " | ".join(["int"] * 60) + "): ...",
        "def f(b): ...",
        "def g(): ...",
        "def f(a=" + "-" * 60 + "1): ...",
    ),
)
COMMANDS = (
    *((), ("nonsense",), ("plan", "--nope"), ("validate", "--format", "xml"), ("validate", "-f", "none.yaml")),
    *(
        ("apply", "--on-drift", "x"),
        ("apply", "--plan", "deep.json"),
        ("apply", "--plan", "broken.json"),
        ("rollback", "x"),
    ),
    *(
        ("functions", "check", "none"),
        ("functions", "check", "deep.json"),
        ("functions", "compare", "deep.json", "broken.json"),
    ),
)
BODIES = (
    "{",
    "[1,]",
    '{"model": NaN}',
    '{"a":' * 400,
    '{"a":' * 140 + "1" + "}" * 140,
    "[" * 100_000,
    '{"model": "\\ud800"}',
)


def gather() -> dict[str, Any]:
    """Return what is said, by input."""
    found: dict[str, Any] = {file.stem: _project(problems.read(file)) for file in problems.CASES}
    found |= {f"json {text[:40]!r} {len(text)}": _raised(yaml12.read_json, text) for text in JSON}
    found |= {f"json alone {text[:40]!r} {len(text)}": _raised(json_text.loads, text) for text in JSON}
    found |= {f"yaml {text[:40]!r} {len(text)}": _raised(yaml12.read, text) for text in YAML}
    found |= {f"pattern {text[:40]!r} {len(text)}": _pattern(text) for text in PATTERNS}
    found |= {f"example {str(value)[:40]!r} {len(str(value))}": _example(value) for value in EXAMPLES}
    found |= {f"handler {source[:40]!r} {len(source)}": _handler(source) for source in HANDLERS}
    found |= {f"body {text[:40]!r} {len(text)}": said for text, said in _bodies()}
    return found | {f"command {' '.join(words)}": _command(words) for words in COMMANDS}


def _raised(read: Callable[[str], Any], text: str) -> str:
    try:
        read(text)
    except yaml12.YamlError as error:
        return f"{error.line}:{error.column} {error.message}; {error.remedy}"
    except ValueError as error:
        return str(error)
    return "read"


def _pattern(text: str) -> list[str]:
    parameters = {"type": "object", "properties": {"a": {"type": "string", "pattern": text}}}
    return [one.message for one in check_function({"name": "f", "parameters": parameters}, "assistants")]


def _example(value: Any) -> list[str]:
    return [one.message for one in check_examples({"parameters": {"type": "object"}, "examples": [value]})]


def _handler(source: str) -> list[str]:
    definition = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
    return [one.message for one in agreement_static(definition, source, "f")]


def _bodies() -> Iterator[tuple[str, Any]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedAccount(Path(folder)) as account,
        TestClient(account.app) as client,
    ):
        for text in BODIES:
            yield text, client.post("/v1/assistants", content=text).json()["error"]


@contextlib.contextmanager
def _folder(environ: Mapping[str, str]) -> Iterator[Project]:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, {"NO_COLOR": "1", "COLUMNS": "100", **environ}),
    ):
        yield Project(Path(folder).resolve())


def _project(case: Any) -> list[str]:
    with _folder(case.get("environ", {})) as project:
        problems.write(project, case)
        return project.run("validate", *case.get("arguments", ())).err.splitlines()


def _command(words: tuple[str, ...]) -> list[str]:
    with _folder({}) as project:
        project.manifest("assistants: {a: {model: m}}")
        project.write("deep.json", "[" * 100_000)
        project.write("broken.json", '{"a": 1,}')
        result = project.run(*words)
        return [str(result.code), *(result.out + result.err).replace(str(project.root), "…").splitlines()]


if __name__ == "__main__":
    json.dump(gather(), sys.stdout, indent=1)
