"""Read YAML with the meaning of YAML 1.2 (or JSON) and keep the place of every key and value; and write it.

PyYAML speaks YAML 1.1 (`no` is false, `08` is a float, later duplicates win). So its parser gives only the events; the
meaning is decided here: JSON's numbers, `true`, `false` and `null`, everything else text; no tags, no merge keys, no
second document; duplicate keys, deep nesting and alias bombs are refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import yaml

from deployer import json_text

MAX_DEPTH = 100
MAX_ALIASED = 100_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,307})")  # beyond the largest float: too large
_BASED = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FIRST_OF_NUMBER = frozenset("+-.0123456789")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NOTHING: Mapping[Any, Any] = MappingProxyType({})  # one for all scalars: they are most of a file
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")
_SURROGATE = re.compile(r"\\u[dD]([89a-fA-F][0-9a-fA-F]{2})")
_BREAKS = frozenset("\r\x85\u2028\u2029")


def _nothing() -> Mapping[Any, Any]:
    return _NOTHING


@dataclass(frozen=True, slots=True)
class PositionTree:
    """Line and column of a value (from 1), those of a mapping's keys, and the positions of what is inside.

    `blank`: nothing is written there, which YAML reads as null.
    """

    line: int
    column: int
    keys: Mapping[str, tuple[int, int]] = field(default_factory=_nothing)
    inside: Mapping[str | int, PositionTree] = field(default_factory=_nothing)
    blank: bool = False


class YamlError(Exception):
    """The text is not acceptable YAML: what is wrong, what to do, and where (line and column from 1)."""

    def __init__(self, message: str, remedy: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.remedy, self.line, self.column = message, remedy, line, column


def read(text: str) -> tuple[Any, PositionTree]:
    """Return the data and its positions; YamlError on the first thing that is wrong. An empty text is None."""
    try:
        return _Composer(yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except yaml.YAMLError as error:
        raise _unreadable(error, text) from None


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    mark: Any = error.problem_mark or error.context_mark
    # what is still open at the end is told where the text ends, not on the empty lines after it
    ends = not text[mark.index :].strip()
    line, column = place(text, len(text.rstrip())) if ends else (mark.line + 1, mark.column + 1)
    what, rest = str(error.problem or error.context), text[mark.index :].partition("\n")[0]
    if rest.startswith("\t") and "token" in what:
        return YamlError("a tab stands where YAML wants spaces", "indent with spaces", line, column)
    start = error.context_mark
    since = f" {error.context} at {start.line + 1}:{start.column + 1}" if start and start.line + 1 < line else ""
    return YamlError(f"this is not valid YAML ({what}{since})", _syntax_remedy(what, rest), line, column)


def _syntax_remedy(what: str, rest: str) -> str:
    """What to do about the mistakes that people make most; `rest` is the line from the place on."""
    if rest.startswith(("{var.", "{env.")):
        return 'inside { } and [ ] put it in quotes: "$' + rest.partition("}")[0] + '}"'
    if "mapping values are not allowed" in what:
        return "check the indentation, and put a text that holds a colon and a space in quotes"
    if "cannot start any token" in what:
        return f"put a text that starts with {rest[:1]} in quotes"
    if "alphabetic or numeric" in what:
        return "put a text that starts with * or & in quotes"
    return "mend the syntax at this place or just before it"


def _unreadable(error: yaml.YAMLError, text: str) -> YamlError:
    index = len(text.encode()[: getattr(error, "position", 0)].decode(errors="ignore"))  # the C parser counts bytes
    return YamlError("a control character stands here, as in a binary file", "remove it", *place(text, index))


def place(text: str, index: int) -> tuple[int, int]:
    """Return line and column, from 1, of a character."""
    before = text[:index]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _Composer:
    """One pass over the parser's events."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Any, PositionTree, int]] = {}
        self._count = 0
        self._aliased = 0

    def document(self) -> tuple[Any, PositionTree]:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None, PositionTree(1, 1)
        value, mark = self._node(next(self._events), 0)
        next(self._events)
        extra: Any = next(self._events)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise _refused("a second document starts here", "keep one document in a file, and include others", extra)
        return value, mark if value is not None else PositionTree(1, 1)  # nothing stands behind the last line

    def _node(self, event: Any, depth: int) -> tuple[Any, PositionTree]:
        self._count += 1
        if depth > MAX_DEPTH:
            raise _refused(f"nested deeper than {MAX_DEPTH} levels", "flatten it", event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        before = self._count
        value, mark = self._content(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, mark, self._count - before + 1)
        return value, mark

    def _content(self, event: Any, depth: int) -> tuple[Any, PositionTree]:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event), PositionTree(line, column, _NOTHING, _NOTHING, not event.value and event.implicit[0])
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise _tag(event)
        keys: dict[str, tuple[int, int]] = {}
        inside: dict[str | int, PositionTree] = {}
        is_list = isinstance(event, yaml.SequenceStartEvent)
        data = self._sequence(inside, depth) if is_list else self._mapping(keys, inside, depth)
        return data, PositionTree(line, column, keys, inside)

    def _sequence(self, inside: dict[str | int, PositionTree], depth: int) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value, inside[len(result)] = self._node(event, depth + 1)
            result.append(value)
        return result

    def _mapping(
        self, keys: dict[str, tuple[int, int]], inside: dict[str | int, PositionTree], depth: int
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, keys)
            result[key], inside[key] = self._node(next(self._events), depth + 1)
        return result

    def _key(self, event: Any, keys: dict[str, tuple[int, int]]) -> str:
        if isinstance(event, yaml.CollectionStartEvent | yaml.AliasEvent):
            raise _refused("a key must be plain text", "write a word before the colon", event)
        key = _text(event)
        if key == "<<" and event.implicit[0]:
            raise _refused("merge keys (<<) are not part of YAML 1.2", "repeat the keys, or use a variable", event)
        if key in keys:
            raise _refused(f"the key {key!r} stands twice, first in line {keys[key][0]}", "keep one of them", event)
        keys[key] = (event.start_mark.line + 1, event.start_mark.column + 1)
        return key

    def _alias(self, event: Any, depth: int) -> tuple[Any, PositionTree]:
        if event.anchor not in self._anchors:
            raise _refused(f"no anchor &{event.anchor} is complete before this alias", "define it first", event)
        value, mark, size = self._anchors[event.anchor]
        self._aliased += size
        self._count += size
        if self._aliased > MAX_ALIASED:
            raise _refused("aliases unfold into too much data", "write it without nested aliases", event)
        if depth + _height(value) > MAX_DEPTH:
            raise _refused(f"nested deeper than {MAX_DEPTH} levels", "flatten it", event)
        return value, mark


def _height(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_height, value.values() if isinstance(value, dict) else value), default=0)


def _text(event: Any) -> str:
    if event.tag not in (None, *_STRING_TAGS):
        raise _tag(event)
    if "\0" in event.value:
        raise _refused("a NUL character stands here", "remove it", event)
    return str(event.value)


def scalar(text: str) -> Any:
    """Return the value that a plain scalar of this text has; ValueError for a number that JSON cannot hold."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return _number(text) if text[0] in _FIRST_OF_NUMBER else text


def _scalar(event: Any) -> Any:
    text = _text(event)
    if event.tag in _STRING_TAGS or not event.implicit[0]:
        return text
    try:
        return scalar(text)
    except ValueError:
        raise _refused(f"JSON has no number {text}", "write another number, or quote it", event) from None


def _number(text: str) -> Any:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _INFINITE.fullmatch(text):
        raise ValueError(text)
    number = float(text) if _FLOAT.fullmatch(text) else text
    if number in (math.inf, -math.inf):
        raise ValueError(text)
    return number


def _tag(event: Any) -> YamlError:
    shown = event.tag.replace("tag:yaml.org,2002:", "!!")
    return _refused(f"the tag {shown} is not supported", "remove it", event)


def _refused(message: str, remedy: str, event: Any) -> YamlError:
    return YamlError(message, remedy, event.start_mark.line + 1, event.start_mark.column + 1)


def read_json(text: str) -> tuple[Any, PositionTree]:
    """Read JSON as `read` reads YAML.

    JSON is YAML, but for a few corners: what calls itself JSON must be that, its data are as a JSON parser gives them,
    and only the places come from the YAML parser.
    """
    try:
        data = json_text.loads(text, MAX_DEPTH + 1, parse_constant=lambda name: _refuse_constant(text, name))
    except json_text.TooDeep as error:
        raise YamlError(f"nested deeper than {MAX_DEPTH} levels", "flatten it", *place(text, error.index)) from None
    except json.JSONDecodeError as error:
        what = f"this is not valid JSON ({error.msg.lower()})"
        raise YamlError(what, "mend the syntax at this place or just before it", error.lineno, error.colno) from None
    except ValueError:  # Python refuses whole numbers of more than 4300 digits
        raise YamlError("a number is too large", "write a smaller one, or quote it", 1, 1) from None
    # YAML has no pairs of surrogates: for the places, private characters of the same length stand in for them.
    _, mark = read(_SURROGATE.sub(r"\\ue\1", text))
    if _SURROGATE.search(text):
        _refuse_halves(data)
    return data, mark


def _refuse_constant(text: str, name: str) -> None:
    where = place(text, text.find(name))
    raise YamlError(f"JSON has no number {name}", "write another number, or quote it", *where)


def _refuse_halves(data: Any) -> None:
    """Half a pair is no character: no text that holds one can be sent."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise YamlError("half a surrogate pair (\\ud800 to \\udfff) stands here", "write both halves", 1, 1) from None


class _Block(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Anchors are for machines."""
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        """Indent the items of a list below their key, as people do."""
        del indentless
        super().increase_indent(flow, False)  # noqa: FBT003


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _is_text(text) else "'"
    if "\n" in text:
        style = "|"
    if not _BREAKS.isdisjoint(text):  # line breaks for YAML 1.1, ordinary characters for 1.2
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _is_text(text: str) -> bool:
    """PyYAML quotes what YAML 1.1 would misread, but YAML 1.2 reads `0o17` as a number."""
    try:
        return text != "" and scalar(text) == text
    except ValueError:
        return False


_Block.add_representer(str, _string)


def yaml_text(data: Any) -> str:
    """Write data as YAML that means the same to readers of YAML 1.1 and 1.2.

    Block style, in the order of the data; long texts over several lines.
    """
    return yaml.dump(data, Dumper=_Block, allow_unicode=True, sort_keys=False, width=110)
