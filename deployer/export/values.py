"""An item as the value that a manifest holds for it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.engine import stamp
from deployer.export.folder import Folder
from deployer.export.items import Document, Item
from deployer.export.places import as_pattern
from deployer.kinds.vector_store import same_chunking
from deployer.manifest.yaml12 import yaml_text
from deployer.model import Attrs

_ORDER = ("name", "description", "model", "instructions", "tools")
_LONG = 80
_PATH = re.compile(r"\S+[./]\S+")
_FUNCTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EXACT = 2**53 - 1
_MOST = 256
_LONGEST_KEY = 64


def of_store(item: Item) -> dict[str, Any]:
    attrs = {name: value for name, value in item.attrs.items() if name != "metadata"}
    result = {**attrs, **_documents(item), **_rest(item)}
    if item.attrs.get("metadata"):
        result["metadata"] = item.attrs["metadata"]
    return result


def of_assistant(item: Item, folder: Folder) -> dict[str, Any]:
    attrs = dict(item.attrs)
    if "instructions" in attrs:
        attrs["instructions"] = _instructions(item.address.name, attrs["instructions"], folder)
    if "tools" in attrs:
        attrs["tools"] = [_tool(item, tool, folder) for tool in attrs["tools"].values()]
    if isinstance(attrs.get("response_format"), dict):
        attrs["response_format"] = _format(attrs["response_format"])
    order = [*(name for name in _ORDER if name in attrs), *(name for name in attrs if name not in _ORDER)]
    return {**{name: attrs[name] for name in order}, **_rest(item)}


def _rest(item: Item) -> dict[str, Any]:
    return {"protect": True} if item.mark and item.mark.protected else {}


def _instructions(key: str, text: str, folder: Folder) -> Any:
    """Give the text, or the file that a long one is put into; a short one could be taken for the path of a file."""
    is_long = "\n" in text.removesuffix("\n") or len(text) > _LONG or _PATH.fullmatch(text.strip()) is not None
    is_exact = "\r" not in text and not text.startswith("\ufeff") and text.strip() != ""
    return {"file": folder.add(f"prompts/{key}", ".md", f"{text}\n")} if is_long and is_exact else text


def _tool(item: Item, tool: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
    name = str(tool.get("name", ""))
    if tool["type"] == "function" and _FUNCTION.fullmatch(name):
        definition = {field: value for field, value in tool.items() if field != "type"}
        return {"type": "function", "file": folder.add(f"functions/{name}", ".yaml", yaml_text(definition))}
    if tool["type"] == "file_search" and "vector_stores" in tool:
        return {**tool, "vector_stores": [store.partition("/")[2] for store in tool["vector_stores"]]}
    if tool["type"] == "code_interpreter" and item.documents:
        return {**tool, "files": _paths(item)}
    return dict(tool)


def _format(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give a format with the name that a manifest wants; agents have none."""
    if value.get("type") != "json_schema":
        return dict(value)
    return {**value, "json_schema": {"name": "answer", **value["json_schema"]}}


def _paths(item: Item) -> list[str]:
    if item.glob:
        return [f"{item.folder}/**"]
    return list(dict.fromkeys(as_pattern(document.path) for document in item.documents))


def _documents(item: Item) -> dict[str, Any]:
    """Say what is the same for all documents once, and else beside each."""
    documents = item.documents
    if not documents:
        return {}
    settings = [_settings(document, ours=item.mark is not None) for document in documents]
    if all(one == settings[0] for one in settings):
        attributes, chunking = settings[0]
        paths: Sequence[Any] = [
            {"path": path, "attributes": attributes} if attributes else path for path in _paths(item)
        ]
        return {"files": paths, **({"chunking": chunking} if chunking else {})}
    return {"files": [_entry(one, *each) for one, each in zip(documents, settings, strict=True)]}


def _settings(document: Document, *, ours: bool) -> tuple[dict[str, Any], Attrs | None]:
    chunking = document.file.chunking
    return declared_attributes(document, ours=ours), None if same_chunking(None, chunking) else chunking


def _entry(document: Document, attributes: Mapping[str, Any], chunking: Attrs | None) -> Any:
    path = as_pattern(document.path)
    settings = {"attributes": attributes, "chunking": chunking}
    given = {name: dict(value) for name, value in settings.items() if value}
    return {"path": path, **given} if given else path


def declared_attributes(document: Document, *, ours: bool) -> dict[str, Any]:
    """Give what can be declared; of a document that is ours, what was."""
    found, before = document.file.attributes, document.file.declared
    return {
        name: value
        for name, value in found.items()
        if (not ours or stamp.name_of(name) in before) and _is_declarable(name, value)
    }


def _is_declarable(name: str, value: Any) -> bool:
    if not 1 <= len(name) <= _LONGEST_KEY or name.startswith("deployer"):
        return False
    if isinstance(value, str):
        return len(value) <= _MOST
    return isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= _EXACT and _is_json(value))


def _is_json(value: float) -> bool:
    return json.dumps(value) not in ("NaN", "Infinity", "-Infinity")
