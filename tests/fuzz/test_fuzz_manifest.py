"""Whatever stands in a manifest, `validate` answers with sentences that name a place, never with a traceback."""

from __future__ import annotations

import copy
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deployer import cli

EXAMPLE = Path(__file__).parent.parent.parent
PLACE = re.compile(r"(?P<file>[^:]+):(?P<line>[1-9]\d*):(?P<column>[1-9]\d*): .+", re.DOTALL)
PLACELESS = re.compile(r"--(account|var): .+|\S*assistants\.yaml (is|does|cannot) .+", re.DOTALL)
SEED: dict[str, Any] = yaml.safe_load((EXAMPLE / "assistants.yaml").read_text(encoding="utf-8"))
SEED |= {
    "moved": [
        {"from": "assistant/tutor", "to": "assistant/teacher"},
        {"from": "assistant/teacher", "to": "assistant/new"},
    ],
}
SEED["assistants"]["new"] = {
    "model": "m",
    "tools": [{"type": "code_interpreter", "files": ["data/*.csv", {"path": "data/*", "exclude": ["*.md", "!a.md"]}]}],
    "protect": True,
}
SEED["vector_stores"]["more"] = {
    "files": [
        "s3://bucket/docs/**",
        {"path": "https://example.invalid/a.pdf", "exclude": ["a/"], "attributes": {"year": 2030, "draft": False}},
        {
            "path": "knowledge/**",
            "exclude": ["drafts/**", "[a-b].md"],
            "attributes": {"region": "${var.model}"},
            "chunking": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
        },
    ],
    "protect": False,
    "exclusive": True,
}
SEED["accounts"]["local-agents"] |= {
    "limits": {"uploads_per_minute": 10, "attaches_per_minute": "none", "files_per_minute": 20},
    "lock": True,
    "snapshots": "s3://bucket/snapshots",
}
FUNCTION: dict[str, Any] = yaml.safe_load((EXAMPLE / "functions/display_quiz.yaml").read_text(encoding="utf-8"))
# Words that mean something to the manifest reach further than random ones.
WORDS = st.sampled_from(
    [
        *("assistants", "vector_stores", "accounts", "variables", "include", "default", "function", "file_search"),
        *("${var.model}", "$${x}", "${env.HOME}", "${", "..", "/", "**", "[", "*.md", "prompts/*", "knowledge", "\0"),
        *(
            "s3://",
            "s3://b/*",
            "memory://x/a.md",
            "https://[::1",
            "file:///x",
            "x://y",
            "s3://u:p@b/k",
            "://",
            "assistant/new",
        ),
        *("!", "a\\", "[z-a]", "[[:x:]]", "!*.md", "none", "path", "exclude", "attributes", "moved", "from", "limits"),
        *("assistants.yaml", "a.b[0]", "", "x" * 300, "1e999", "json_schema", "auto", "math", "한글", "\U0001f600"),
    ]
)
TEXTS = WORDS | st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
Path_ = tuple[str | int, ...]


def _paths(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, key))


def _mutations(data: dict[str, Any]) -> st.SearchStrategy[list[tuple[Path_, str, Any, str]]]:
    one = st.tuples(
        st.sampled_from(list(_paths(data))[1:]), st.sampled_from(["set", "add", "remove", "rename"]), VALUES, TEXTS
    )
    return st.lists(one, min_size=1, max_size=4)


def _mutated(data: dict[str, Any], steps: list[tuple[Path_, str, Any, str]]) -> Any:
    result = copy.deepcopy(data)
    for path, action, value, word in steps:
        try:
            _mutate(result, path, action, value, word)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier step took this place away
    return result


def _mutate(data: Any, path: Path_, action: str, value: Any, word: str) -> None:
    for part in path[:-1]:
        data = data[part]
    match action:
        case "set":
            data[path[-1]] = value
        case "remove":
            del data[path[-1]]
        case "rename":
            data[word] = data.pop(path[-1])
        case "add":
            data[path[-1]][word] = value


def _validate(folder: Path, *arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.run(["validate", "--file", str(folder / "assistants.yaml"), *arguments])
    return code, err.getvalue()


def _check(folder: Path, *arguments: str) -> None:
    code, err = _validate(folder, *arguments)
    assert code in {0, 1}, err
    assert "Traceback" not in err
    lines = err.splitlines()
    assert code == any(": warning: " not in line for line in lines)
    for line in lines:
        assert PLACELESS.fullmatch(line) or _exists(folder, line), line


def _exists(folder: Path, line: str) -> bool:
    """The line names a place that a reader can go to."""
    found = PLACE.fullmatch(line)
    if not found:
        return False
    text = (folder / found["file"]).read_bytes().decode("utf-8-sig", errors="replace")
    row, column = int(found["line"]) - 1, int(found["column"])
    # whether U+0085, U+2028 and U+2029 end a line, YAML's versions and editors do not agree
    lines = (re.split("\r\n|[\r\n]", text), re.split("\r\n|[\r\n\x85\u2028\u2029]", text))
    return any(row < len(rows) and column <= len(rows[row]) + 1 for rows in lines)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with most of the files that the example names, so that mutations find some and miss others."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        (path / "prompts").mkdir()
        (path / "knowledge/math").mkdir(parents=True)
        (path / "functions").mkdir()
        (path / "data").mkdir()
        (path / "data/a.csv").write_text("1,2\n", encoding="utf-8")
        (path / ".deployerignore").write_text("*.tmp\n!keep.tmp\n", encoding="utf-8")
        for one in ("prompts/math-tutor.md", "prompts/quiz-generator.md", "knowledge/math/미분.md"):
            (path / one).write_text("Text.\n", encoding="utf-8")
        (path / "functions/generate_quiz.yaml").write_text("name: generate_quiz\n", encoding="utf-8")
        yield path


def _fuzz(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run so many examples; a slow machine is no failure."""
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, suppress_health_check=checks)


def _mutated_manifest(folder: Path, steps: list[Any], account: str) -> None:
    text = yaml.safe_dump(_mutated(SEED, steps), allow_unicode=True, sort_keys=False)
    (folder / "assistants.yaml").write_text(text, encoding="utf-8")
    (folder / "functions/display_quiz.yaml").write_text(json.dumps(FUNCTION), encoding="utf-8")
    _check(folder, "--account", account)


def _mutated_function(folder: Path, steps: list[Any], suffix: str) -> None:
    data = _mutated(FUNCTION, steps)
    text = json.dumps(data) if suffix == "json" else yaml.safe_dump(data, allow_unicode=True)
    (folder / f"functions/odd.{suffix}").write_text(text, encoding="utf-8")
    head = "version: 1\nproject: test\nassistants: {a: {model: m, tools: ["
    manifest = f"{head}{{type: function, file: functions/odd.{suffix}}}]}}}}\n"
    (folder / "assistants.yaml").write_text(manifest, encoding="utf-8")
    _check(folder, "--account", "embedded")


def _raw_bytes(folder: Path, data: bytes) -> None:
    (folder / "assistants.yaml").write_bytes(data)
    _check(folder)


def _random_patterns(folder: Path, exclude: list[str], ignored: str) -> None:
    (folder / "knowledge/.deployerignore").write_text(ignored, encoding="utf-8")
    try:
        _random_data(folder, {"vector_stores": {"a": {"files": [{"path": "knowledge/**", "exclude": exclude}]}}})
    finally:
        (folder / "knowledge/.deployerignore").unlink()


def _random_data(folder: Path, sections: dict[str, Any]) -> None:
    _raw_bytes(folder, json.dumps({"version": 1, "project": "test", **sections}).encode())


MANIFESTS = (_mutations(SEED), st.sampled_from(["openai", "local-agents", "embedded", "zzz"]))
FUNCTIONS = (_mutations(FUNCTION), st.sampled_from(["json", "yaml"]))
SECTIONS = st.dictionaries(st.sampled_from(list(SEED)) | TEXTS, st.dictionaries(TEXTS, VALUES, max_size=3) | VALUES)
PATTERNS = st.lists(st.sampled_from([*"!*?[]-/\\#ab. ", "**", "[:", ":]", "\r", "\n", "한"])).map("".join)
YAMLISH = st.lists(
    WORDS
    | st.sampled_from([*"&*!|>%@`{}[],:-?#'\"\n\t\r ", "\n  ", ": ", "- ", "&a ", "*a", "<<: ", "---\n", "0x", "\x85"])
).map("".join)
BYTES = st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | YAMLISH.map(str.encode)


@pytest.mark.slow
@given(*MANIFESTS)
@_fuzz(120)
def test_mutated_manifests(folder: Path, steps: list[Any], account: str) -> None:
    _mutated_manifest(folder, steps, account)


@pytest.mark.slow
@given(*FUNCTIONS)
@_fuzz(80)
def test_mutated_functions(folder: Path, steps: list[Any], suffix: str) -> None:
    _mutated_function(folder, steps, suffix)


@given(SECTIONS)
@_fuzz(90)
def test_random_data(folder: Path, sections: dict[str, Any]) -> None:
    _random_data(folder, sections)


@example(data=b"version https://hawser.github.com/spec/")
@given(BYTES)
@_fuzz(80)
def test_random_text_and_bytes(folder: Path, data: bytes) -> None:
    _raw_bytes(folder, data)


@given(st.lists(PATTERNS, max_size=3), PATTERNS)
@_fuzz(80)
def test_random_patterns(folder: Path, exclude: list[str], ignored: str) -> None:
    _random_patterns(folder, exclude, ignored)


@pytest.mark.nightly
@given(st.lists(PATTERNS, max_size=3), PATTERNS)
@_fuzz(4_000)
def test_many_random_patterns(folder: Path, exclude: list[str], ignored: str) -> None:
    _random_patterns(folder, exclude, ignored)


@pytest.mark.nightly
@given(*MANIFESTS)
@_fuzz(10_000)
def test_many_mutated_manifests(folder: Path, steps: list[Any], account: str) -> None:
    _mutated_manifest(folder, steps, account)


@pytest.mark.nightly
@given(*FUNCTIONS)
@_fuzz(2_000)
def test_many_mutated_functions(folder: Path, steps: list[Any], suffix: str) -> None:
    _mutated_function(folder, steps, suffix)


@pytest.mark.nightly
@given(SECTIONS)
@_fuzz(4_000)
def test_much_random_data(folder: Path, sections: dict[str, Any]) -> None:
    _random_data(folder, sections)


@pytest.mark.nightly
@given(BYTES)
@_fuzz(4_000)
def test_much_random_text(folder: Path, data: bytes) -> None:
    _raw_bytes(folder, data)
