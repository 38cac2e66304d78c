"""The stamp: ownership and the digests of what was last applied, kept in the object's own metadata.

Three metadata pairs, which leave a user 13 of the API's 16 (four on an assistant with files of its own); each value
fits the API's 512 characters. `deployer_applied` says `FIELD=DIGEST` for each field that was applied, and behind a dot
the digest of what the service has in its place, where that is another value: its own form is no edit. Behind an
exclamation mark stands what was there when the service did not take the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from deployer.engine import canonical
from deployer.kinds import BESIDE
from deployer.model import Address, Attrs, FieldPath

OWNER = "deployer"
APPLIED = "deployer_applied"
ORIGIN = "deployer_origin"
FILES = "deployer_files"
KEYS = (OWNER, APPLIED, ORIGIN, FILES)
PAIRS = 3
"""Of every stamp; maps of files come on top."""
_PROTECTED = "protect"
_NAME = 6
_CONTENT = 8
_ORDER = 4
_FORM, _SHORT_FORM = 8, 4
LONGEST = 512
"""Characters of a value of metadata, by the public API reference."""
_TAKEN, _NOT_TAKEN = ".", "!"


@dataclass(frozen=True, slots=True)
class ServiceForm:
    """A digest of what the service has where a value was sent that is not the same.

    `taken`: it is the service's form of that value; else it is what was there, and the value was not taken.
    """

    digest: str
    taken: bool = True

    @classmethod
    def of(cls, value: Any, *, taken: bool = True) -> ServiceForm:
        return cls(canonical.sha256(value)[:_FORM], taken)

    def __str__(self) -> str:
        return f"{_TAKEN if self.taken else _NOT_TAKEN}{self.digest}"

    def is_of(self, value: Any) -> bool:
        """Whether `value` is what the service had."""
        return canonical.sha256(value).startswith(self.digest)


Forms = Mapping[str, ServiceForm]
"""By the short hash of a field path."""
NO_FORMS: Forms = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Stamp:
    """`digests` maps the short hash of a field path to the digest of the value that was applied.

    `files` maps the short hash of a File object's id to the token of its content. `forms` holds what the service has in
    place of what was applied, where that is another value.
    """

    project: str
    address: Address
    digests: Mapping[str, str]
    protected: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    forms: Forms = field(default_factory=dict)


def read(metadata: Mapping[str, Any] | None) -> Stamp | None:
    """Read a stamp; None on an object that carries none, or one that cannot be read."""
    whose = _owner(metadata or {})
    if whose is None or metadata is None:
        return None
    entries = parsed(metadata.get(APPLIED))
    protected = entries.pop(_PROTECTED, "") == "1"
    digests, forms = {}, {}
    for name, entry in entries.items():
        digests[name], form = read_entry(entry)
        if form:
            forms[name] = form
    return Stamp(*whose, digests, protected, files_of(metadata), forms)


Owner = tuple[str, Address]
"""The project that an object is owned by, and its address there."""


def owner(raw: Mapping[str, Any]) -> Owner | None:
    """Return whose a live object is: of a stamp that can be read, only that, which costs a tenth."""
    return _owner(pairs(raw))


def _owner(metadata: Mapping[str, Any]) -> Owner | None:
    found = metadata.get(OWNER)
    if not isinstance(found, str):
        return None
    project, _, address = found.partition("/")
    try:
        return project, Address.parse(address)
    except ValueError:
        return None


def read_entry(entry: str) -> tuple[str, ServiceForm | None]:
    """Return the digest of what was applied, and what the service has in its place."""
    for mark in (_TAKEN, _NOT_TAKEN):
        digest, found, form = entry.partition(mark)
        if found:
            return digest, ServiceForm(form, mark == _TAKEN) if form else None
    return entry, None


def pairs(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the pairs of a live object, or of a body, that can be a stamp's: its metadata, or what is beside it."""
    beside = raw.get(BESIDE)
    found = raw.get("metadata") if beside is None else beside
    return found if isinstance(found, dict) else {}


def of(raw: Mapping[str, Any]) -> Stamp | None:
    """Return the stamp of a live object; None when it carries none, or one that cannot be read."""
    return read(pairs(raw))


def fingerprint(raw: Mapping[str, Any]) -> str:
    """Return what tells whether a stamp came back whole: the digest of whose it is, and of what was applied."""
    found = pairs(raw)
    return canonical.sha256([found.get(OWNER), found.get(APPLIED)])


def parsed(text: Any) -> dict[str, str]:
    """Read `name=digest name=digest`; what has another form is left out."""
    pairs = (pair.partition("=") for pair in str(text or "").split())
    return {name: digest for name, _, digest in pairs}


def is_own(key: str) -> bool:
    """Whether a pair of metadata is one of the stamp."""
    return key in KEYS or is_of_files(key)


def is_of_files(key: str) -> bool:
    """Whether a pair (`deployer_files`, `deployer_files_2`, …) holds a part of the map of files."""
    return key == FILES or (key.startswith(f"{FILES}_") and key.removeprefix(f"{FILES}_").isdecimal())


def files_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Read the map of files, which may take several pairs."""
    texts = [metadata[key] for key in sorted(metadata) if is_of_files(key)]
    return {short: found for text in texts for short, found in parsed(text).items()}


def file_pairs(tokens: Mapping[str, str]) -> dict[str, str]:
    """Return the map of files as pairs, none longer than the API takes."""
    texts, text = [], ""
    for short, found in tokens.items():
        longer = f"{text} {short}={found}".strip()
        if len(longer) > LONGEST:
            texts.append(text)
            longer = f"{short}={found}"
        text = longer
    names = (FILES, *(f"{FILES}_{number}" for number in range(2, len(texts) + 2)))
    return dict(zip(names, [*texts, text], strict=False)) if text else {}


def written(digests: Mapping[str, str]) -> str:
    return " ".join(f"{name}={digest}" for name, digest in digests.items())


def applied(values: Mapping[str, Any] | Mapping[FieldPath, Any]) -> dict[str, str]:
    """Return the digest of each value by the short hash of its name."""
    return {name_of(name): digest(value) for name, value in values.items()}


def write(  # noqa: PLR0913
    project: str,
    address: Address,
    attrs: Attrs,
    origin: str,
    *,
    protect: bool = False,
    kept: Mapping[str, str] = MappingProxyType({}),
    forms: Forms = NO_FORMS,
) -> dict[str, str]:
    """Return the pairs of a stamp; of `kept` fields (by short hash) the digest stays what it was, or absent if "".

    `forms`: what the service has in place of what is applied.
    """
    digests = {name: text for name, text in {**applied(fields(attrs)), **kept}.items() if text}
    return {OWNER: f"{project}/{address}", APPLIED: summary(digests, forms, protect=protect), ORIGIN: origin}


def summary(digests: Mapping[str, str], forms: Forms = NO_FORMS, *, protect: bool = False) -> str:
    """Return the pair of what was applied; where it would be too long, forms are shorter and no order of keys is kept.

    With 22 fields (nine of an assistant, 13 pairs of metadata), each in a form of the service's, it has 470 characters.
    """
    marks = {_PROTECTED: "1"} if protect else {}
    text = written({name: f"{one}{forms.get(name, '')}" for name, one in digests.items()} | marks)
    if len(text) <= LONGEST:
        return text
    short = {name: replace(form, digest=form.digest[:_SHORT_FORM]) for name, form in forms.items()}
    return written({name: f"{one[:_CONTENT]}{short.get(name, '')}" for name, one in digests.items()} | marks)


def fields(attrs: Attrs) -> dict[FieldPath, Any]:
    """Return the fields that are compared and stamped one by one: metadata key by key, the rest whole."""
    result: dict[FieldPath, Any] = {(name,): value for name, value in attrs.items() if name != "metadata"}
    for key, value in (attrs.get("metadata") or {}).items():
        result["metadata", key] = value
    return result


def whole(path: FieldPath) -> FieldPath:
    """Return the field that the stamp holds for a part of it: a pair of metadata itself, else all of the field."""
    return path if path[0] == "metadata" else path[:1]


def without(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the pairs that are the user's own."""
    return {key: value for key, value in (metadata or {}).items() if not is_own(key)}


@cache
def name_of(path: str | FieldPath) -> str:
    """Return the short hash by which a stamp calls a field, an attribute or a File object."""
    return canonical.sha256(path if isinstance(path, str) else "/".join(path))[:_NAME]


def digest(value: Any) -> str:
    content = canonical.sha256(value)
    ordered = content if isinstance(value, str) else canonical.ordered_sha256(value)
    return content[:_CONTENT] + ordered[:_ORDER]


def same_content(stamped: str, value: Any) -> bool:
    return stamped[:_CONTENT] == canonical.sha256(value)[:_CONTENT]


def same_order(stamped: str, value: Any) -> bool:
    """Whether the keys of a value have the order that was applied; a stamp without room for that says nothing."""
    return stamped[_CONTENT:] in ("", canonical.ordered_sha256(value)[:_ORDER])
