"""Documents of a store that cannot carry attributes: the store's own metadata says what each File object holds.

Foundry classic, for one, knows no attributes of a membership (azure-ai-agents 1.1.0: `VectorStoreFile` has none). So
the stamp of the store maps the short hash of each File object's id to a token of the document's path and bytes, as that
of an assistant does for the files of its code interpreter. A pair of metadata holds 25 of them, and a store has 13
pairs beside the rest of its stamp, less those of the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployer.engine import stamp, uploads
from deployer.kinds import vector_store
from deployer.model import Address, Attrs, DesiredFile, LiveFile, LiveObject

MOST_PAIRS = 16
"""Of metadata, by the public API reference."""
_ENTRY = 20
"""Characters of an entry and the blank behind it: six of the id, twelve of the token, and `=`."""
PER_PAIR = (stamp.LONGEST + 1) // _ENTRY


def token(path: str, sha256: str) -> str:
    """Return the short name of a document: where it is in git, and its bytes."""
    return uploads.token(path, sha256)


def token_of(attributes: Attrs) -> str:
    """Return the token of a document by the attributes that its membership would carry."""
    return token(str(attributes[vector_store.PATH_KEY]), str(attributes[vector_store.SHA_KEY]))


def room(metadata: Mapping[str, Any]) -> int:
    """Return how many documents the metadata of a store can name, beside the pairs of the user and the stamp."""
    return max(0, MOST_PAIRS - len(stamp.without(metadata)) - stamp.PAIRS) * PER_PAIR


def recognised(
    live: Sequence[LiveObject],
    wanted: Mapping[Address, Sequence[DesiredFile | LiveFile]],
    moved: Mapping[Address, Address],
) -> tuple[LiveObject, ...]:
    """Return live objects whose documents are known by the map of their store, where they carry no attributes.

    `wanted` are the documents that may be meant, by address; one that is none of them goes by its id.
    """
    return tuple(_recognised(one, wanted, moved) if one.files else one for one in live)


def _recognised(
    live: LiveObject, wanted: Mapping[Address, Sequence[DesiredFile | LiveFile]], moved: Mapping[Address, Address]
) -> LiveObject:
    mark = stamp.of(live.raw)
    if mark is None or not mark.files:
        return live
    here = wanted.get(moved.get(mark.address, mark.address), ())
    known = {token(one.path or "", one.sha256 or ""): one for one in here}
    return replace(live, files=tuple(_named(file, mark.files, known) for file in live.files))


def _named(file: LiveFile, tokens: Mapping[str, str], known: Mapping[str, DesiredFile | LiveFile]) -> LiveFile:
    """Attributes that the account cannot hold count as declared, since they cannot have been edited."""
    found = tokens.get(stamp.name_of(file.id)) if file.path is None else None
    if found is None:
        return file
    one = known.get(found)
    if one is None:
        return replace(file, path=file.id, sha256=found, mapped=True)
    return replace(
        file,
        path=one.path,
        sha256=one.sha256,
        size=one.size,
        attributes=one.attributes,
        declared=stamp.applied(one.attributes),
        mapped=True,
    )


def entries(files: Sequence[LiveFile], tokens: Mapping[str, str]) -> dict[str, str]:
    """Return the part of a map that is about these files: what was detached is forgotten."""
    there = {stamp.name_of(file.id) for file in files}
    return {short: found for short, found in tokens.items() if short in there}
