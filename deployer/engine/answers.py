"""What a service answered to a write, held against what was sent: its own form of that, or a write not taken.

A service may trim, round, resolve the alias of a model, fill in defaults, or call a key in another case: that is its
form of what is declared, and no edit. It is another thing when it answers what was there before, nothing, a default, or
only the beginning of a text: then it did not take what was sent, and the account is not as declared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize

from deployer.engine import diff, stamp
from deployer.engine.canonical import same
from deployer.kinds import Body, Kind, vector_store
from deployer.model import Attrs, FieldPath, LiveFile
from deployer.wording import cut

_SHOWN = 40
_DIGITS = range(1, 7)
_WHOLE = 10  # from here on a number without digits behind the point is a rounded one
_MODEL = ("model",)
_CHUNKING = ("chunking",)
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class AnsweredField:
    """A field that was answered otherwise than it was sent; `taken`: it is the service's own form of what was sent."""

    path: FieldPath
    sent: Any
    answered: Any
    taken: bool

    def __str__(self) -> str:
        name, answered, sent = "/".join(self.path), _short(self.answered), _short(self.sent)
        if self.taken:
            return f"the service answered {name} {answered} where {sent} was sent: its own form of it, and no edit"
        return f"the service answered {name} {answered} where {sent} was sent: it did not take it"


def _short(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False), _SHOWN)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A write and its answer, both with the addresses of what they refer to; `before` is what was updated."""

    kind: Kind
    body: Mapping[str, Any]
    answer: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)

    def fields(self, raw: Mapping[str, Any]) -> dict[FieldPath, Any]:
        return stamp.fields(self.kind.canonical(raw, self.addresses))

    def default(self, path: FieldPath) -> Any:
        return self.kind.defaults.get(path[0]) if len(path) == 1 else None


def differences(exchange: Exchange) -> tuple[AnsweredField, ...]:
    """Return each field that was answered otherwise than it was sent; known normalisations are none.

    What an answer does not mention cannot be told from here.
    """
    wanted, found = exchange.fields(exchange.body), exchange.fields(exchange.answer)
    was = exchange.fields(exchange.before) if exchange.before else {}
    planned, recorded = _forms(exchange.body), _forms(exchange.before)
    result = []
    for path, value in sorted(wanted.items()):
        place, default = diff.variant(path, found, wanted), exchange.default(path)
        answered, old = found.get(place), was.get(diff.variant(path, was, wanted), _NOTHING)
        mentioned = place in found or (path[0] == "metadata" and "metadata" in exchange.answer)
        if mentioned and not (place == path and _as_sent(value, answered, default)):
            form, short = planned.get(stamp.name_of(path)), stamp.name_of(path)
            known = form is not None and form.taken and form.is_of(answered)
            taken = known or _taken(path, value, answered, _Old(old, parts=short not in recorded), default)
            result.append(AnsweredField(path, value, answered, taken))
    return tuple(result)


def is_alike(exchange: Exchange) -> bool:
    """Whether a live object could be what this body made, on a service that keeps no metadata."""
    wanted, found = exchange.fields(exchange.body), exchange.fields(exchange.answer)
    paths = [path for path in {**wanted, **found} if path[0] != "metadata"]
    values = ((exchange.default(path), path) for path in paths)
    return all(_alike(wanted.get(path, default), found.get(path, default)) for default, path in values)


def of_document(attributes: Attrs, chunking: Attrs | None, found: LiveFile) -> tuple[AnsweredField, ...]:
    """Return what a membership has otherwise than it was sent: declared attributes, and how it is cut."""
    result = []
    for name, value in attributes.items():
        answered = found.attributes.get(diff.place_of(name, found.attributes, attributes))
        if not (name in found.attributes and same(value, answered)):
            taken = _taken(("attributes", name), value, answered, _NOTHING_BEFORE, None)
            result.append(AnsweredField(("attributes", name), value, answered, taken))
    if not vector_store.same_chunking(chunking, found.chunking):
        taken = _taken(_CHUNKING, chunking, found.chunking, _NOTHING_BEFORE, vector_store.AUTO)
        result.append(AnsweredField(_CHUNKING, chunking, found.chunking, taken))
    return tuple(result)


def stamped_document(attributes: Attrs, found: Sequence[AnsweredField]) -> Attrs:
    """Return the attributes of a membership whose stamp says what the service has."""
    entries = stamp.parsed(attributes.get(vector_store.DECLARED_KEY))
    for one in found:
        name = vector_store.CHUNKING if one.path == _CHUNKING else one.path[1]
        short, form = stamp.name_of(name), stamp.ServiceForm.of(one.answered, taken=one.taken)
        entries[short] = f"{stamp.read_entry(entries.get(short) or stamp.digest(one.sent))[0]}{form}"
    return {**attributes, vector_store.DECLARED_KEY: stamp.written(entries)}


def _forms(raw: Mapping[str, Any] | None) -> stamp.Forms:
    mark = stamp.of(raw) if raw else None
    return mark.forms if mark else stamp.NO_FORMS


@dataclass(frozen=True, slots=True)
class _Old:
    """What was there before a write. `parts`: it was as git had it, so a part that is as before was not taken."""

    value: Any
    parts: bool

    def is_still(self, answered: Any) -> bool:
        return self.value is not _NOTHING and same(self.value, answered)

    def part(self, key: str) -> _Old:
        value = self.value.get(key, _NOTHING) if self.parts and isinstance(self.value, Mapping) else _NOTHING
        return _Old(value, self.parts)


_NOTHING_BEFORE = _Old(_NOTHING, parts=False)


def _as_sent(sent: Any, answered: Any, default: Any) -> bool:
    """Whether a field has what was sent; null asks for the default."""
    return same(sent, answered) or (sent is None and same(answered, default))


def _taken(path: FieldPath, sent: Any, answered: Any, old: _Old, default: Any) -> bool:
    if path == _MODEL and isinstance(answered, str) and answered.startswith(str(sent)):
        return True  # an alias, resolved
    if sent is None:
        return not old.is_still(answered)
    if not _alike(sent, answered) and same(answered, default):
        return False
    return _is_form(sent, answered, old, whole=path == _MODEL)


def _is_form(sent: Any, answered: Any, old: _Old, *, whole: bool = False) -> bool:
    """Whether a value can be a form of what was sent: nothing of it is missing, nor as it was before."""
    if _alike(sent, answered):
        return True
    by_parts = isinstance(sent, Mapping) and old.parts
    if answered in (None, "") or (old.is_still(answered) and not by_parts):
        return False
    if isinstance(sent, Mapping):
        return isinstance(answered, Mapping) and _holds(sent, answered, old)
    if isinstance(sent, list):
        return isinstance(answered, list) and len(answered) >= len(sent) and all(map(_is_item, sent, answered))
    odd = isinstance(answered, Mapping | list | bool) or isinstance(sent, bool)
    return not odd and (whole or not _is_cut(str(sent), str(answered)))


def _holds(sent: Mapping[str, Any], answered: Mapping[str, Any], old: _Old) -> bool:
    """Whether each part is there, under its key or one that differs in case; what was added counts for nothing."""
    folded = {_folded(key): key for key in answered}
    for key, value in sent.items():
        there = key if key in answered else folded.get(_folded(key))
        if there is None:
            if not _is_empty(value):
                return False
        elif not _is_form(value, answered[there], old.part(key)):
            return False
    return True


def _is_item(sent: Any, answered: Any) -> bool:
    """An item of a list may stand at another place."""
    return _is_form(sent, answered, _NOTHING_BEFORE)


def _is_cut(sent: str, answered: str) -> bool:
    """Whether an answer is only the beginning of a text."""
    short, whole = _folded(answered).rstrip(".…"), _folded(sent)
    return len(short) < len(whole) and whole.startswith(short)


def _alike(sent: Any, answered: Any) -> bool:
    """Whether two plain values differ in blanks, case, the form of characters, rounding or type alone."""
    if same(sent, answered) or (_is_empty(sent) and _is_empty(answered)):
        return True
    if isinstance(sent, Mapping | list) or isinstance(answered, Mapping | list) or answered is None or sent is None:
        return False
    if _is_number(sent) and _is_number(answered):
        return any(round(sent, digits) == answered for digits in _DIGITS) or (
            abs(sent) >= _WHOLE and round(sent) == answered
        )
    return _folded(_text(sent)) == _folded(_text(answered))


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _folded(text: str) -> str:
    return "".join(normalize("NFKC", text).split()).casefold()


def corrected(exchange: Exchange, found: Sequence[AnsweredField]) -> Body | None:
    """Return the write that makes the stamp say what the service has; None where it says so, or keeps no stamp."""
    kind, body, pairs = exchange.kind, exchange.body, stamp.pairs(exchange.body)
    mark, kept = stamp.of(body), stamp.pairs(exchange.answer)
    if mark is None or (kept and kept.get(stamp.APPLIED) != pairs.get(stamp.APPLIED)):
        return None
    applied = stamp.summary(*_entries(mark, exchange, found), protect=mark.protected)
    if applied == pairs[stamp.APPLIED]:
        return None
    own = {name: value for name, value in pairs.items() if stamp.is_own(name)} | {stamp.APPLIED: applied}
    metadata = stamp.without(kind.canonical(body, {}).get("metadata"))
    model = {"model": body["model"]} if body.get("model") else {}
    return kind.stamped({}, metadata, own, {**exchange.answer, **model})


def _entries(
    mark: stamp.Stamp, exchange: Exchange, found: Sequence[AnsweredField]
) -> tuple[dict[str, str], dict[str, stamp.ServiceForm]]:
    digests, forms = dict(mark.digests), dict(mark.forms)
    answered = exchange.fields(exchange.answer) if forms else {}
    for path, value in (exchange.fields(exchange.body) if forms else {}).items():
        short = stamp.name_of(path)
        if path in answered and short in digests and stamp.same_content(digests[short], value):
            forms.pop(short, None)
    for one in found:
        short = stamp.name_of(one.path)
        if short in digests:
            forms[short] = stamp.ServiceForm.of(one.answered, taken=one.taken)
        elif not one.taken and _is_empty(one.sent):  # it was to go, and is still there
            digests[short] = stamp.digest(one.answered)
    return digests, forms


def news(exchange: Exchange, found: Sequence[AnsweredField]) -> Iterator[AnsweredField]:
    """Yield what is to be told: each write that was not taken, and each form that the stamp did not know."""
    mark = stamp.of(exchange.body)
    for one in found:
        short = stamp.name_of(one.path)
        form = mark.forms.get(short) if mark else None
        known = form is not None and form.taken and form.is_of(one.answered)
        if not one.taken or (not known and (mark is None or short in mark.digests)):
            yield one
