"""A manifest from files that people have in hand; everything is made in a hidden folder first, then put in its place.

Nothing is asked of an account and nothing is stamped: what the files named by id can be adopted afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deployer.errors import DeployerError, UsageError
from deployer.kinds import Body, Expressed, Kind, tools
from deployer.manifest import compile_manifest, export, importing, sections, yaml12
from deployer.manifest.declaration import Declaration
from deployer.manifest.document import read_text
from deployer.manifest.importing import Imported, NotCarried
from deployer.model import Address, Attrs, LiveObject, Problem
from deployer.project.export import MANIFEST, Staging, staged

_MOST = 64 * 1024 * 1024
_NAMED = ("vector_store", "assistant")
"""The kinds that are written, those first that others refer to."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was written, what could not be carried, and the id on its account of what has one."""

    manifest: Path
    addresses: tuple[Address, ...]
    notes: tuple[str, ...]
    ids: Mapping[Address, str]


def import_files(files: Sequence[Path], folder: Path, project: str | None = None) -> ImportResult:
    """Write a manifest with its prompts and functions; DeployerError when nothing is in the files, or a file is there.

    `project` is the project's name; without one it is that of the folder.
    """
    name = _project(project, folder)
    if (folder / MANIFEST).exists():
        raise DeployerError(f"{folder / MANIFEST} exists; name another folder with --out")
    found, notes = list[Imported](), list[str]()
    for file in files:
        here = list(importing.read(_data(file), file.as_posix()))
        notes += [one.what for one in here if isinstance(one, NotCarried)]
        found += [one for one in here if isinstance(one, Imported)]
    if not found:
        raise DeployerError("\n".join(["nothing in these files can be imported", *(f"  {note}" for note in notes)]))
    placed = _placed(_once(found))
    notes += [f"{address}{_id(one)}: {note}" for address, one in placed.items() for note in one.notes]
    with staged(folder) as staging:
        items, told = _settled(staging, name, [_declaration(address, one, placed) for address, one in placed.items()])
        written = frozenset(staging.texts)
        staging.check(written)
        staging.place(written)
    left = {item.address for item in items}
    ids = {address: one.live_id for address, one in placed.items() if one.live_id and address in left}
    return ImportResult(folder / MANIFEST, tuple(sorted(left)), (*notes, *told), ids)


def _project(name: str | None, folder: Path) -> str:
    found = name if name is not None else export.slug(folder.resolve().name) or "imported"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", found):
        raise UsageError(f"{found!r} is no name of a project; use a-z, 0-9, - and _ (--project)")
    return found


def _data(file: Path) -> Any:
    """Return what a file says, as YAML or JSON."""
    if file.is_file() and file.stat().st_size > _MOST:
        raise DeployerError(f"{file} is larger than {_MOST // 1024 // 1024} MB: split it")
    text = read_text(file, file.as_posix())
    if isinstance(text, Problem):
        raise DeployerError(str(text))
    try:
        return (yaml12.read_json if text.lstrip()[:1] in ("{", "[") else yaml12.read)(text)[0]
    except yaml12.YamlError as error:
        raise DeployerError(f"{file}:{error.line}:{error.column}: {error.message}; {error.remedy}") from None


def _once(found: Iterable[Imported]) -> list[Imported]:
    """Return each object once, stores that are only named among them; stores come first."""
    by_id: dict[str, Imported] = {}
    rest: list[Imported] = []
    for one in found:
        if one.live_id:
            by_id.setdefault(one.live_id, one)
        else:
            rest.append(one)
    for store in [store for one in (*by_id.values(), *rest) for store in one.stores]:
        by_id.setdefault(store, Imported("vector_store", store, "", {}, ("the file has its id only",)))
    everything = [*by_id.values(), *rest]
    return sorted(everything, key=lambda one: _NAMED.index(one.kind))


def _placed(found: Sequence[Imported]) -> dict[Address, Imported]:
    taken: dict[Address, Imported] = {}
    for one in found:
        stem = export.slug(one.name) or export.slug(one.live_id) or one.kind.replace("_", "-")
        address, count = Address(one.kind, stem), 1
        while address in taken:
            count += 1
            address = Address(one.kind, f"{stem[:58]}-{count}")
        taken[address] = one
    return taken


def _id(one: Imported) -> str:
    return f" ({one.live_id})" if one.live_id else ""


def _declaration(address: Address, one: Imported, placed: Mapping[Address, Imported]) -> Declaration:
    keys = {f"vector_store/{other.live_id}": str(at) for at, other in placed.items() if other.live_id}
    attrs = dict(one.attrs)
    if "tools" in attrs:
        attrs["tools"] = {name: _renamed(tool, keys) for name, tool in attrs["tools"].items()}
    live = LiveObject(one.kind, one.live_id or str(address), {"attrs": attrs})
    return Declaration(address, live, attrs, taker=sections.of_kind(one.kind).taker)


def _renamed(tool: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    if "vector_stores" not in tool:
        return dict(tool)
    return {**tool, "vector_stores": [keys.get(one, one) for one in tool["vector_stores"]]}


def _settled(
    staging: Staging, project: str, items: Sequence[Declaration]
) -> tuple[tuple[Declaration, ...], tuple[str, ...]]:
    """Make all files; what would be read back as something else is left out, and told."""
    told: list[str] = []
    kinds = dict.fromkeys(_NAMED, _KIND)
    while True:
        staging.write(export.files(export.Header(project, {}), items))
        written = compile_manifest(staging.folder / MANIFEST, None, {}, {}, offline=True)
        wrong = export.misread(written, items, kinds, {})
        if not wrong:
            return tuple(items), tuple(told)
        items, more = export.settled(items, wrong)
        told += more
        if not items:
            raise DeployerError("\n".join(["nothing in these files can be imported", *(f"  {one}" for one in told)]))


def _express(attrs: Attrs) -> Expressed:
    """What was imported is compared with what was read back as a manifest says it, on no surface."""
    found = dict(attrs)
    if "tools" in found and not isinstance(found["tools"], Mapping):
        found["tools"] = tools.keyed(found["tools"])
    if isinstance(found.get("response_format"), Mapping) and "json_schema" in found["response_format"]:
        inner = found["response_format"]["json_schema"]
        kept = {name: one for name, one in inner.items() if one not in (None, False)}
        found["response_format"] = {**found["response_format"], "json_schema": kept}
    return Expressed(found)


_KIND = Kind(
    defaults=MappingProxyType({}),
    express=_express,
    canonical=lambda raw, _: _express(raw["attrs"]).attrs,
    wire=lambda attrs, _: Body(dict(attrs)),
)
