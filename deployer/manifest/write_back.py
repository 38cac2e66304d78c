"""Bring what somebody edited on an account into the files that declare it: values change, comments and layout stay.

What stands in several places, or comes from a variable or an override, is left to people, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.manifest import sections
from deployer.manifest.document import SourceDocument, read, read_text
from deployer.manifest.edit import edit
from deployer.manifest.export import escaped
from deployer.manifest.globs import existing, real
from deployer.manifest.load import ManifestEntry, Sources, load
from deployer.model import Address, FieldChange, Problem

Step = str | int
_DEFINITION = ("description", "parameters", "strict")
_STORE = "vector_store/"
_BY_HAND = "change it by hand"


class _LeftError(Exception):
    """Why a field is not brought back."""


@dataclass(slots=True)
class WriteBack:
    """The new `texts` by the names of files; `done` are the fields that they bring, `left` those that stay, and why."""

    texts: dict[str, str] = field(default_factory=dict)
    done: list[tuple[Address, str]] = field(default_factory=list)
    left: list[tuple[Address, str, str]] = field(default_factory=list)


def write_back(file: Path, account: str, moved: Sequence[tuple[Address, Sequence[FieldChange]]]) -> WriteBack:
    """Return what the files would be with the account's values (`old` of each field); nothing is written yet."""
    result = WriteBack()
    work = _Work(load(file, sections.kinds()), account, result)
    for address, fields in moved:
        for one in fields:
            try:
                work.bring(address, one)
            except (_LeftError, DeployerError) as error:
                result.left.append((address, one.name, str(error)))
            else:
                result.done.append((address, one.name))
    return result


@dataclass(slots=True)
class _Work:
    sources: Sources
    account: str
    result: WriteBack

    def bring(self, address: Address, one: FieldChange) -> None:
        entry = self.sources.resources.get(address)
        if entry is None or not isinstance(entry.value, dict):
            raise _LeftError("it is not declared in a way that can be edited")
        name = one.path[0]
        if name in self._overridden(address):
            raise _LeftError(f"account {self.account} overrides it; change it there")
        if name == "instructions" and isinstance(entry.value.get(name), dict):
            self._instructions(entry, one.old)
        elif name == "tools":
            self._tool(entry, one)
        elif name == "protect":
            raise _LeftError(f"it is part of the stamp; {_BY_HAND}")
        else:
            self._value(entry, tuple(one.path), one.old)

    def _overridden(self, address: Address) -> Mapping[str, Any]:
        own = self.sources.accounts.get(self.account)
        patches = own.value.get("overrides") if own and isinstance(own.value, dict) else None
        found = patches.get(str(address)) if isinstance(patches, dict) else None
        return found if isinstance(found, dict) else {}

    def _value(self, entry: ManifestEntry, path: tuple[Step, ...], value: Any) -> None:
        """Set or, where the account has nothing, remove a value of the entry."""
        _sure(_at(entry.value, path))
        self._edit(entry.document.name, lambda data: _put(data, (*entry.path, *path), escaped(value)))

    def _instructions(self, entry: ManifestEntry, text: Any) -> None:
        name = str(entry.value["instructions"].get("file"))
        path = self._beside(entry, name)
        if not isinstance(text, str) or not text.strip() or "\r" in text:
            raise _LeftError(f"such a text cannot stand in a file of its own; {_BY_HAND}")
        shown = self._name(path)
        before = self.result.texts.get(shown) or _text(path, shown)
        self.result.texts[shown] = text + "\n" * before.endswith("\n")

    def _tool(self, entry: ManifestEntry, one: FieldChange) -> None:
        if len(one.path) != 2 or not isinstance(one.old, Mapping) or not isinstance(one.new, Mapping):
            raise _LeftError(f"a tool came or went on the account; {_BY_HAND}")
        for place, item in enumerate(entry.value.get("tools", ())):
            if not isinstance(item, dict):
                continue
            if one.old["type"] != "function" and item.get("type") == one.path[1]:
                self._built_in(entry, place, item, one.old)
                return
            if one.old["type"] == "function" and item.get("type") == "function":
                if item.get("name") == one.path[1] and "file" not in item:
                    self._inline(entry, place, item, one.old)
                    return
                if "file" in item and self._in_file(entry, item, one):
                    return
        raise _LeftError(f"it is not found in the manifest; {_BY_HAND}")

    def _built_in(self, entry: ManifestEntry, place: int, item: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        new = {name: value for name, value in item.items() if name in {"type", "files"}}
        new |= {name: value for name, value in live.items() if name != "type"}
        if stores := new.get("vector_stores"):
            if not all(isinstance(one, str) and one.startswith(_STORE) for one in stores):
                raise _LeftError("it uses a vector store that is foreign; adopt that one first")
            new["vector_stores"] = [one.removeprefix(_STORE) for one in stores]
        _sure(item)
        self._edit(entry.document.name, lambda data: _put(data, (*entry.path, "tools", place), escaped(new)))

    def _inline(self, entry: ManifestEntry, place: int, item: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        _sure({name: item.get(name) for name in _DEFINITION})
        new = escaped(_defined(item, live))
        self._edit(entry.document.name, lambda data: _put(data, (*entry.path, "tools", place), new))

    def _in_file(self, entry: ManifestEntry, item: Mapping[str, Any], one: FieldChange) -> bool:
        path = self._beside(entry, str(item["file"]))
        found = read(path, self._name(path))
        if not isinstance(found, SourceDocument) or not isinstance(found.data, dict):
            return False
        if found.data.get("name") != one.path[1]:
            return False
        self._edit(found.name, lambda data: _defined(data, one.old))
        return True

    def _beside(self, entry: ManifestEntry, name: str) -> Path:
        return existing((self.sources.root / entry.document.name).parent, name)

    def _name(self, path: Path) -> str:
        path = real(path)
        if not path.is_relative_to(self.sources.root):
            raise _LeftError("its file is outside of the manifest's folder")
        return path.relative_to(self.sources.root).as_posix()

    def _edit(self, name: str, change: Callable[[Any], Any]) -> None:
        """Change the data of a file, of which earlier fields may have been brought already."""
        from deployer.manifest import yaml12

        path, is_json = self.sources.root / name, name.endswith(".json")
        text = self.result.texts.get(name) or _text(path, name)
        try:
            data, _ = yaml12.read_json(text) if is_json else yaml12.read(text)
        except yaml12.YamlError:
            raise _LeftError(f"{name} cannot be read; {_BY_HAND}") from None
        self.result.texts[name] = edit(text, data, change(data), is_json=is_json)


def _text(path: Path, name: str) -> str:
    found = read_text(path, name)
    if isinstance(found, Problem):
        raise _LeftError(found.message)
    return found


def _at(value: Any, path: Sequence[Step]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _sure(value: Any) -> None:
    """Raise where a value comes from a variable: which of its uses is meant, only a person knows."""
    if isinstance(value, str) and "${" in value.replace("$${", ""):
        raise _LeftError(f"it is {value}; change the variable")
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _sure(one)


def _put(data: Any, path: Sequence[Step], value: Any) -> Any:
    """Return data with a value at a path, without its key where the value is None; nothing given is changed."""
    step, rest = path[0], path[1:]
    if isinstance(data, list):
        new = list(data)
        new[int(step)] = _put(data[int(step)], rest, value) if rest else value
        return new
    inner = data if isinstance(data, dict) else {}
    if rest:
        return {**inner, step: _put(inner.get(step), rest, value)}
    return {key: one for key, one in inner.items() if key != step} if value is None else {**inner, step: value}


def _defined(data: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function with the definition that is live; what only the manifest has (a handler) stays."""
    kept = {name: value for name, value in data.items() if name not in _DEFINITION or name in live}
    return {**kept, **{name: live[name] for name in _DEFINITION if name in live}}
