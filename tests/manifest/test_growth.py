"""Checking a manifest costs what it holds, also when all of it is wrong in the same way."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deployer.kinds import kinds_of
from deployer.manifest import Checked, check_manifest, export, suggest
from deployer.manifest.declaration import Declaration, WrittenDocument
from deployer.manifest.edit import edit
from deployer.manifest.knowledge import CODE_INTERPRETER
from deployer.manifest.suggest import Choices
from deployer.manifest.yaml12 import yaml_text
from deployer.model import Address, LiveFile, LiveObject
from tests.support.growth import per_pair
from tests.support.project import Project

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
FILE = LiveFile("file_1", None, None, "completed", None, 0)
Files = dict[str, str]
Made = tuple[dict[str, Any], Files]


def _names(count: int, stem: str = "a") -> list[str]:
    return [f"{stem}{number:05}" for number in range(count)]


def _sound(count: int) -> Made:
    files = {f"prompts/{name}.md": "Be brief.\n" for name in _names(count)}
    files |= {f"docs/{name}/text.md": "Text.\n" for name in _names(count)}
    stores = {name: {"files": [f"docs/{name}/*.md"]} for name in _names(count)}
    search = {name: [{"type": "file_search", "vector_stores": [name]}] for name in stores}
    assistants = {
        name: {"model": "m", "instructions": {"file": f"prompts/{name}.md"}, "tools": search[name]} for name in stores
    }
    return {"vector_stores": stores, "assistants": assistants}, files


def _assistants(count: int, **fields: Any) -> dict[str, Any]:
    return {name: {"model": "m", **fields} for name in _names(count)}


def _unknown_stores(count: int) -> Made:
    tools = {name: [{"type": "file_search", "vector_stores": [f"{name}x"]}] for name in _names(count)}
    assistants = {name: {"model": "m", "tools": tools[name]} for name in tools}
    return {"vector_stores": {name: {} for name in tools}, "assistants": assistants}, {}


def _prompts_with_another_suffix(count: int) -> Made:
    prompts = {name: {"model": "m", "instructions": {"file": f"prompts/{name}.md"}} for name in _names(count)}
    return {"assistants": prompts}, {f"prompts/{name}.txt": "Be brief." for name in prompts}


def _renamed_folders(count: int) -> Made:
    stores = {name: {"files": [f"old/{name}/*.md"]} for name in _names(count)}
    return {"vector_stores": stores}, {f"new/{name}/text.md": "Text." for name in stores}


def _documents_one_by_one(count: int) -> Made:
    paths = [f"docs/{name}.md" for name in _names(count)]
    return {"vector_stores": {"s": {"files": paths}}}, dict.fromkeys(paths, "Text.")


def _documents_under_one_glob(count: int) -> Made:
    paths = [f"docs/{name}.md" for name in _names(count)]
    return {"vector_stores": {"s": {"files": ["docs/**"]}}}, dict.fromkeys(paths, LFS)


def _chain_of_moves(count: int) -> Made:
    names = [*_names(count, "old"), "a00000"]
    moved = [{"from": f"assistant/{old}", "to": f"assistant/{new}"} for old, new in pairwise(names)]
    return {"assistants": _assistants(1), "moved": moved[::-1]}, {}


def _moves_to_nothing(count: int) -> Made:
    moved = [{"from": f"assistant/old{name}", "to": f"assistant/{name}x"} for name in _names(count)]
    return {"assistants": _assistants(count), "moved": moved}, {}


def _unknown_keys(count: int) -> Made:
    return {"assistants": _assistants(count, instruction="Be brief.", temprature=1)}, {}


def _unknown_variables(count: int) -> Made:
    return {"variables": {name: {"default": 1} for name in _names(count, "v")}, "assistants": _assistants(count)}, {}


def _twice_in_many_files(count: int) -> Made:
    parts = {f"parts/{name}.yaml": json.dumps({"assistants": {name: {"model": "m"}}}) for name in _names(count)}
    return {"include": ["parts/*.yaml"], "assistants": _assistants(count)}, parts


def _functions_of_one_file(count: int) -> Made:
    functions = [{"name": name, "description": "Finds.", "parameters": {"type": "object"}} for name in _names(count)]
    tools = {name: [{"type": "function", "file": "all.json", "name": name}] for name in _names(count)}
    return {"assistants": {name: {"model": "m", "tools": tools[name]} for name in tools}}, {
        "all.json": json.dumps(functions)
    }


MANIFESTS: tuple[Callable[[int], Made], ...] = (
    _sound,
    _unknown_stores,
    _prompts_with_another_suffix,
    _renamed_folders,
    _documents_one_by_one,
    _documents_under_one_glob,
    _chain_of_moves,
    _moves_to_nothing,
    _unknown_keys,
    _unknown_variables,
    _twice_in_many_files,
    _functions_of_one_file,
)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("made", MANIFESTS, ids=lambda made: made.__name__.strip("_"))
def test_nothing_is_done_for_each_pair(
    made: Callable[[int], Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggest, "_FEW", 20)

    def prepared(count: int) -> Callable[[], object]:
        data, files = made(count)
        shutil.rmtree(tmp_path)
        for name, text in {"assistants.yaml": json.dumps({"version": 1, "project": "p", **data}), **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return lambda: check_manifest(tmp_path / "assistants.yaml", None, {}, {}, lambda _settings, _resource: ())

    assert per_pair(prepared, 40) < 0.2


def _remarks(count: int) -> Callable[[], object]:
    find = {"type": "function", "name": "find", "description": "Finds."}
    items = [
        Declaration(
            Address("assistant", name),
            LiveObject("assistant", name, {}),
            {
                "model": "m",
                "instructions": "Be brief.\n" * 3,
                "tools": {"find": find, name: {**find, "name": name}},
            },
            remarks=("name stays as it is on the account, undeclared",),
            taker=CODE_INTERPRETER,
            documents=tuple(WrittenDocument(FILE, f"data/{name}/{number}.csv") for number in range(2)),
        )
        for name in _names(count)
    ]
    return lambda: export.files(export.Header("p", {}), export.with_globs(items, lambda _folder: False))


def _choice(count: int) -> Callable[[], object]:
    live = [LiveObject("assistant", f"asst_{name}", {"name": "Tutor", "metadata": {}}) for name in _names(count)]
    return lambda: export.choose(live, "p", kinds_of("agents"), (), lambda _raw: None)


@pytest.mark.parametrize("work", (_remarks, _choice))
def test_an_export_does_nothing_for_each_pair(work: Callable[[int], Callable[[], object]]) -> None:
    assert per_pair(work, 40) < 0.2


def _edits(count: int) -> Callable[[], object]:
    one = {"model": "m", "instructions": "Be\nbrief.\n"}
    old: dict[str, Any] = {"assistants": dict.fromkeys(_names(count), one)}
    new: dict[str, Any] = {"assistants": {name: {**one, "model": "n"} for name in _names(count)}}
    text = yaml_text(old)
    return lambda: edit(text, old, new, is_json=False)


def test_an_edit_does_nothing_for_each_pair() -> None:
    assert per_pair(_edits, 20) < 0.2


def test_the_texts_of_a_manifest_are_never_all_in_memory(tmp_path: Path) -> None:
    text = "Answer briefly, 간단히. " * 800
    for name in _names(100):
        (tmp_path / f"{name}.md").write_text(f"{name} {text}", encoding="utf-8")
    assistants = {name: {"model": "m", "instructions": {"file": f"{name}.md"}} for name in _names(100)}
    manifest = tmp_path / "assistants.yaml"
    manifest.write_text(json.dumps({"version": 1, "project": "p", "assistants": assistants}), encoding="utf-8")

    def check() -> Checked:
        return check_manifest(manifest, None, {}, {}, lambda _settings, _resource: ())

    assert check().problems == ()
    tracemalloc.start()
    try:
        assert check().resources == 100
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * len(text.encode()) / 2


def test_a_long_way_of_includes_is_told(project: Project) -> None:
    project.manifest("include: [m0.yaml]\n")
    for number in range(80):
        project.write(f"m{number}.yaml", f"include: [m{number + 1}.yaml]\n")
    result = project.run("validate")
    assert result.code == 1
    assert result.err == (
        "m49.yaml:1:11: include[0]: m50.yaml is included through 50 files; include it nearer to the manifest\n"
    )


def test_of_many_choices_the_nearest_is_still_found() -> None:
    choices = Choices({name: name for name in _names(5_000)})
    assert choices.nearest("a04711x", "else") == "did you mean 'a04711'?"
    assert choices.nearest("zzz", "else") == "else"
