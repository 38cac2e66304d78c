"""One live object as what a manifest declares of it: its fields, the texts beside it, and where its documents go."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

from deployer.engine.stamp import Stamp, fields, name_of
from deployer.kinds.vector_store import same_chunking
from deployer.manifest.knowledge import Taker
from deployer.manifest.yaml12 import yaml_text
from deployer.model import Address, Attrs, LiveFile, LiveObject

MODEL = "model"
FILES = "files"
_ORDER = ("name", "agent_name", "description", "model", "instructions", "tools")
_BESIDE = ("defer_loading", "async")  # of a function: said beside its file
_LONG = 80
_PATH = re.compile(r"\S+[./]\S+")
_FUNCTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EXACT = 2**53 - 1
_MOST = 256
_LONGEST_KEY = 64
_MOST_BYTES = 180
_LONGEST = 256
_UNFIT = re.compile(r'[\\/:*?"<>|]')
_RESERVED = ("assistants.yaml", "prompts", "functions", "schemas")


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A document of an account and the path that it gets."""

    file: LiveFile
    path: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is written of one object; `stamp` is that of one that is owned, `remarks` stand beside it as comments.

    `glob`: its documents are all that its folder will hold.
    """

    address: Address
    live: LiveObject
    attrs: Attrs
    stamp: Stamp | None = None
    documents: tuple[WrittenDocument, ...] = ()
    remarks: tuple[str, ...] = ()
    glob: bool = False
    taker: Taker | None = None

    @property
    def folder(self) -> str:
        """Return where its documents go; "" when no file can belong to it."""
        return f"{self.taker.folder}/{self.address.name}" if self.taker else ""

    def without(self, field: str, why: str) -> Declaration | None:
        """Leave a field undeclared, which leaves it alone; None when that cannot be, so that all must stay unsaid.

        What an owned object no longer declares would go back to the API's default.
        """
        if field == FILES:
            there, smaller = bool(self.documents), replace(self, documents=())
            applied = any(document.file.sha256 for document in self.documents)
        else:
            there = field in self.attrs
            smaller = replace(self, attrs={name: value for name, value in self.attrs.items() if name != field})
            before = self.stamp.digests if self.stamp else {}
            applied = any(name_of(path) in before for path in fields({field: self.attrs.get(field)}))
        if field == MODEL or not there or (self.stamp and applied):
            return None
        return smaller.saying(f"{field} stays as it is on the account, undeclared: {why}")

    def saying(self, remark: str) -> Declaration:
        return replace(self, remarks=(*self.remarks, remark))


@dataclass(slots=True)
class TextFiles:
    """The text files beside the manifest, by path; no two names differ only in case. `taken` are paths of documents."""

    taken: Collection[str] = ()
    files: dict[str, str] = field(default_factory=dict)
    _paths: dict[str, str] = field(init=False)
    _counts: dict[str, int] = field(default_factory=dict)
    _same: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._paths = {path.casefold(): path for path in self.taken}

    def add(self, stem: str, suffix: str, text: str) -> str:
        """Return the path of a file with this text: an equal one is used again, another one is left as it is."""
        wanted = f"{stem}{suffix}"
        known = self._same.get((wanted.casefold(), text))
        if known is None:
            known = self._same[wanted.casefold(), text] = self._new(stem, suffix, text)
        return known

    def _new(self, stem: str, suffix: str, text: str) -> str:
        path, count = f"{stem}{suffix}", self._counts.get(f"{stem}{suffix}".casefold(), 1)
        if count > 1:
            path = f"{stem}-{count}{suffix}"
        while (there := self._paths.get(path.casefold())) is not None and self.files.get(there) != text:
            count += 1
            path = f"{stem}-{count}{suffix}"
        self._counts[f"{stem}{suffix}".casefold()] = count
        path = self._paths.setdefault(path.casefold(), path)
        self.files[path] = text
        return path


def plainly(item: Declaration, texts: TextFiles) -> dict[str, Any]:
    """Write a kind whose fields are its attrs."""
    del texts
    return {**item.attrs, **_rest(item)}


def store(item: Declaration, texts: TextFiles) -> dict[str, Any]:
    del texts
    attrs = {name: value for name, value in item.attrs.items() if name != "metadata"}
    metadata = {"metadata": item.attrs["metadata"]} if item.attrs.get("metadata") else {}
    return {**attrs, **_documents(item), **_rest(item), **metadata}


def assistant(item: Declaration, texts: TextFiles) -> dict[str, Any]:
    attrs = dict(item.attrs)
    if "instructions" in attrs:
        attrs["instructions"] = _instructions(item.address.name, attrs["instructions"], texts)
    if "tools" in attrs:
        attrs["tools"] = [_tool(item, tool, texts) for tool in attrs["tools"].values()]
    if isinstance(attrs.get("response_format"), dict):
        attrs["response_format"] = _format(attrs["response_format"])
    for name in [one for one in attrs if "." in one]:
        outer, _, field = name.partition(".")
        attrs[outer] = {**attrs.get(outer, {}), field: attrs.pop(name)}
    attrs.pop("instructions_as", None)  # what the model makes of it
    order = [*(name for name in _ORDER if name in attrs), *(name for name in attrs if name not in _ORDER)]
    return {**{name: attrs[name] for name in order}, **_rest(item)}


def _rest(item: Declaration) -> dict[str, Any]:
    return {"protect": True} if item.stamp and item.stamp.protected else {}


def _instructions(key: str, text: str, texts: TextFiles) -> Any:
    """Return the text, or the file that a long one is put into; a short one could be taken for the path of a file."""
    is_long = "\n" in text.removesuffix("\n") or len(text) > _LONG or _PATH.fullmatch(text.strip()) is not None
    is_exact = "\r" not in text and not text.startswith("\ufeff") and text.strip() != ""
    return {"file": texts.add(f"prompts/{key}", ".md", f"{text}\n")} if is_long and is_exact else text


def _tool(item: Declaration, tool: Mapping[str, Any], texts: TextFiles) -> dict[str, Any]:
    name = str(tool.get("name", ""))
    if tool["type"] == "function" and _FUNCTION.fullmatch(name):
        beside = {field: tool[field] for field in _BESIDE if field in tool}
        definition = {field: value for field, value in tool.items() if field not in ("type", *_BESIDE)}
        return {"type": "function", **beside, "file": texts.add(f"functions/{name}", ".yaml", yaml_text(definition))}
    if tool["type"] == "file_search" and "vector_stores" in tool:
        return {**tool, "vector_stores": [store.partition("/")[2] for store in tool["vector_stores"]]}
    if tool["type"] == "code_interpreter" and item.documents:
        return {**tool, "files": _paths(item)}
    return dict(tool)


def _format(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a format with the name that a manifest wants; agents have none."""
    if value.get("type") != "json_schema":
        return dict(value)
    return {**value, "json_schema": {"name": "answer", **value["json_schema"]}}


def _paths(item: Declaration) -> list[str]:
    if item.glob:
        return [f"{item.folder}/**"]
    return list(dict.fromkeys(as_pattern(document.path) for document in item.documents))


def _documents(item: Declaration) -> dict[str, Any]:
    """Say what is the same for all documents once, and else beside each."""
    documents = item.documents
    if not documents:
        return {}
    settings = [_settings(document, owned=item.stamp is not None) for document in documents]
    if all(one == settings[0] for one in settings):
        attributes, chunking = settings[0]
        paths: Sequence[Any] = [
            {"path": path, "attributes": attributes} if attributes else path for path in _paths(item)
        ]
        return {"files": paths, **({"chunking": chunking} if chunking else {})}
    return {"files": [_entry(one, *each) for one, each in zip(documents, settings, strict=True)]}


def _settings(document: WrittenDocument, *, owned: bool) -> tuple[dict[str, Any], Attrs | None]:
    chunking = document.file.chunking
    return declared_attributes(document, owned=owned), None if same_chunking(None, chunking) else chunking


def _entry(document: WrittenDocument, attributes: Mapping[str, Any], chunking: Attrs | None) -> Any:
    path = as_pattern(document.path)
    settings = {"attributes": attributes, "chunking": chunking}
    given = {name: dict(value) for name, value in settings.items() if value}
    return {"path": path, **given} if given else path


def declared_attributes(document: WrittenDocument, *, owned: bool) -> dict[str, Any]:
    """Return what can be declared; of one that is owned, what was."""
    found, before = document.file.attributes, document.file.declared
    return {
        name: value
        for name, value in found.items()
        if (not owned or name_of(name) in before) and _is_declarable(name, value)
    }


def _is_declarable(name: str, value: Any) -> bool:
    if not 1 <= len(name) <= _LONGEST_KEY or name.startswith("deployer"):
        return False
    if isinstance(value, str):
        return len(value) <= _MOST
    return isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= _EXACT and _is_json(value))


def _is_json(value: float) -> bool:
    return json.dumps(value) not in ("NaN", "Infinity", "-Infinity")


@dataclass(slots=True)
class DocumentPaths:
    """Hands out paths; no two differ only in case. `_held` says what is at a path already."""

    _held: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def keep(self, path: str, content: str) -> bool:
        """Take the very path, if a document may stand there; the same content may stand there twice."""
        if not is_safe(path) or self._held.get(path.casefold(), content) != content:
            return False
        self._held[path.casefold()] = content
        return True

    def find(self, folder: str, name: str, content: str) -> str:
        """Return a path for a document of an account; a second one of the name gets a folder of its own."""
        first = path = f"{folder}/{safe_name(name)}"
        count = self._counts.get(first.casefold(), 1)
        while path.casefold() in self._held:
            count += 1
            path = f"{folder}/{count}/{safe_name(name)}"
        self._counts[first.casefold()] = count
        self._held[path.casefold()] = content
        return path


def is_safe(path: str) -> bool:
    """Whether a path stays inside the folder, is not hidden, and is none that we write ourselves."""
    parts = path.split("/")
    return (
        len(path) <= _LONGEST
        and all(part == safe_name(part) for part in parts)
        and parts[0].casefold() not in _RESERVED
    )


def safe_name(name: str) -> str:
    """Return what a file can be called on any system."""
    text = normalize("NFC", "".join(one if one.isprintable() else "-" for one in name))
    text = _UNFIT.sub("-", text).strip(" .\t") or "document"
    suffix = PurePosixPath(text).suffix[:20]
    stem = text.removesuffix(suffix)
    room = _MOST_BYTES - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore") + suffix


def as_pattern(path: str) -> str:
    """Return the glob that matches this path alone."""
    return re.sub(r"([*?\[])", r"[\1]", path)
