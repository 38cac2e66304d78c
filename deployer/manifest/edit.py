"""Change the data of a YAML or JSON file, and nothing else of its text.

ruamel.yaml tells where every node begins and ends, and writes the new values. Only their places are replaced: its round
trip as a whole would indent lists, wrap lines and move comments anew.
"""

from __future__ import annotations

import io
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from operator import itemgetter
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from deployer.errors import DeployerError
from deployer.manifest import yaml12

_WIDE = 1_000_000  # a value stays in its line
_LEADING = re.compile(" *")


def edit(text: str, old: Any, new: Any, *, is_json: bool) -> str:
    """Return the text whose data are `new` instead of `old`; what did not change keeps every byte, comments too.

    DeployerError where that fails: a file with YAML aliases says one thing in several places.
    """
    if json.dumps(old) == json.dumps(new):
        return text
    root = YAML().compose(text)
    _refuse_aliases(root)
    pieces = sorted(Pieces(text, is_json=is_json).value(root, old, new), key=lambda one: (one.start, one.end))
    values = [] if is_json else sorted(_values(root))
    parts, here = [], 0
    for piece in pieces:
        parts += [text[here : piece.start], _with_comments(text, piece, values)]
        here = piece.end
    result = "".join([*parts, text[here:]])
    _check(result, new, is_json=is_json)
    return result


def _values(root: Node) -> Iterator[tuple[int, int]]:
    """Return where the keys and values stand that are no collections: a `#` inside of them begins no comment."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ScalarNode):
            yield node.start_mark.index, node.end_mark.index
        elif isinstance(node, CollectionNode):
            waiting += [one for item in node.value for one in (item if isinstance(item, tuple) else (item,))]


def _with_comments(text: str, piece: Piece, values: Sequence[tuple[int, int]]) -> str:
    """Return the new text of a piece, with the comments of what it takes the place of."""
    comments = _comments(text, piece, values)
    if not comments:
        return piece.text
    start = text.rfind("\n", 0, piece.start) + 1
    indent = " " * (_LEADING.match(text, start).end() - start)  # type: ignore[union-attr]
    lines = "".join(f"{indent}{comment}\n" for comment in comments)
    if piece.start == start and text[piece.end - 1 : piece.end] == "\n":  # whole lines
        return piece.text + lines
    if text[piece.end : piece.end + 1] in ("\n", ""):
        return f"{piece.text}  {comments[0]}" + "".join(f"\n{indent}{comment}" for comment in comments[1:])
    last = text[piece.start : piece.end].rpartition("\n")[2]
    after = last if not last.strip() else indent
    return f"{piece.text}  {comments[0]}\n{lines[len(indent) + len(comments[0]) + 1 :]}{after}"


def _comments(text: str, piece: Piece, values: Sequence[tuple[int, int]]) -> list[str]:
    first = bisect_right(values, piece.start, key=itemgetter(1))
    inside = values[first : bisect_left(values, piece.end, key=itemgetter(0))]
    found, place = [], piece.start
    while (at := text.find("#", place, piece.end)) >= 0:
        span = next((end for start, end in inside if start <= at < end), None)
        if span is not None:
            place = span
        elif at == 0 or text[at - 1] in " \t\n":
            end = text.find("\n", at)
            place = piece.end if end < 0 else min(end, piece.end)
            found.append(text[at:place].rstrip())
        else:
            place = at + 1
    return found


def _refuse_aliases(root: Node) -> None:
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            raise DeployerError("the file uses YAML aliases (*name), which cannot be edited; write them out")
        seen.add(id(node))
        if not isinstance(node, ScalarNode):
            waiting += [one for item in node.value for one in (item if isinstance(item, tuple) else (item,))]


def _check(text: str, new: Any, *, is_json: bool) -> None:
    try:
        data, _ = yaml12.read_json(text) if is_json else yaml12.read(text)
    except yaml12.YamlError:
        data = None
    if json.dumps(data) != json.dumps(new):
        raise DeployerError("the layout of the file is too unusual to be edited; change it by hand")


@dataclass(frozen=True, slots=True)
class Piece:
    """`text` for what stands from `start` to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Pair:
    """One key of a mapping with its value; `colon` is behind the colon, as is `end` if there is no value."""

    key: Node
    node: Node
    colon: int
    end: int


class Pieces:
    """Finds what has to change in one text."""

    def __init__(self, text: str, *, is_json: bool) -> None:
        self._text, self._is_json = text, is_json

    def value(self, node: Node, old: Any, new: Any) -> Iterator[Piece]:
        """What changes a node from `old` to `new`, as little as possible."""
        if json.dumps(old) == json.dumps(new):
            return
        if isinstance(node, MappingNode) and isinstance(new, dict):
            yield from self._mapping(node, old, new)
        elif isinstance(node, SequenceNode) and _grows(old, new):
            for item, before, after in zip(node.value, old, new, strict=False):
                yield from self.value(item, before, after)
            yield from self._appended(node, new[len(old) :])
        elif isinstance(node, ScalarNode) and node.style and _continues(old, new):
            yield self._longer(node, new.rstrip()[len(old.rstrip()) :])
        else:
            yield Piece(node.start_mark.index, self._end(node), self._emit(new))

    def _longer(self, node: ScalarNode, more: str) -> Piece:
        """A quoted text goes on before its end, a block of text after its last line (folded: in a line of its own)."""
        end = self._end(node)
        if node.style in ("'", '"'):
            escaped = json.dumps(more, ensure_ascii=False)[1:-1] if node.style == '"' else more.replace("'", "''")
            return Piece(end - 1, end - 1, escaped)
        line = self._line(end)
        indent = len(line) - len(line.lstrip())
        behind = more[: len(more) - len(more.lstrip(".!?"))]  # a full stop belongs to the last line
        rest = more[len(behind) :].lstrip()
        return Piece(end, end, f"{behind}\n{' ' * indent}{rest}" if node.style == ">" else more)

    def _mapping(self, node: MappingNode, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Piece]:
        entries = [self._entry(key, inner) for key, inner in node.value]
        names, wanted = list(old), list(new)
        for _, start, end, first, last in SequenceMatcher(None, names, wanted, autojunk=False).get_opcodes():
            kept = min(end - start, last - first)  # of keys that give way to others the last ones are renamed
            for entry, name, other in zip(
                entries[end - kept : end], names[end - kept : end], wanted[last - kept : last], strict=True
            ):
                yield from self._renewed(entry, (name, old[name]), (other, new[other]))
            yield from self._removed(node, entries, start, end - kept)
            yield from self._added(node, entries, start, {name: new[name] for name in wanted[first : last - kept]})

    def _entry(self, key: Node, node: Node) -> _Pair:
        colon = self._text.index(":", key.end_mark.index) + 1
        empty = node.start_mark.index == node.end_mark.index
        return _Pair(key, node, colon, colon if empty else self._end(node))

    def _renewed(self, entry: _Pair, old: tuple[str, Any], new: tuple[str, Any]) -> Iterator[Piece]:
        if old[0] != new[0]:
            yield Piece(entry.key.start_mark.index, entry.key.end_mark.index, self._emit(new[0]))
        changes = list(self.value(entry.node, old[1], new[1]))
        whole = len(changes) == 1 and changes[0].start == entry.node.start_mark.index and changes[0].end == entry.end
        between = self._text[entry.colon : entry.node.start_mark.index]
        if entry.end == entry.colon and changes:
            yield Piece(entry.colon, entry.colon, f" {self._emit(new[1])}")
        elif whole and "\n" in between and not between.strip():  # a block gives way to a value in the key's line
            yield Piece(entry.colon, entry.end, f" {self._emit(new[1])}")
        else:
            yield from changes

    def _removed(self, node: MappingNode, entries: Sequence[_Pair], start: int, end: int) -> Iterator[Piece]:
        """Take a run of entries out: whole lines, and in flow style with their commas."""
        if start == end:
            return
        begin = entries[start].key.start_mark.index
        if not node.flow_style and not self._line(begin).strip():
            for entry in entries[start:end]:
                first = entry.key.start_mark.index - len(self._line(entry.key.start_mark.index))
                yield Piece(first, self._line_end(entry.end) + 1, "")
        elif end < len(entries):
            yield Piece(begin, entries[end].key.start_mark.index, "")
        else:
            yield Piece(entries[start - 1].end if start else begin, entries[end - 1].end, "")

    def _added(
        self, node: MappingNode, entries: Sequence[_Pair], index: int, added: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """New keys go behind the entry before `index`, in the columns of the others."""
        if not added:
            return
        pairs = [f"{self._emit(name)}: {self._emit(value)}" for name, value in added.items()]
        if not entries:
            yield Piece(node.start_mark.index + 1, node.start_mark.index + 1, ", ".join(pairs))
            return
        gap = self._gap(node, entries[0].key)
        if index == 0:
            place = entries[0].key.start_mark.index
            yield Piece(place, place, "".join(pair + gap for pair in pairs))
        else:
            end = entries[index - 1].end
            place = end if node.flow_style else self._behind(end, len(gap) - 1)
            yield Piece(place, place, "".join(gap + pair for pair in pairs))

    def _appended(self, node: SequenceNode, items: Sequence[Any]) -> Iterator[Piece]:
        if not items:
            return
        end = self._end(node.value[-1])
        place = end if node.flow_style else self._line_end(end)
        gap = self._gap(node, node.value[-1]) if node.flow_style else f"\n{' ' * node.start_mark.column}- "
        yield Piece(place, place, "".join(gap + self._emit(item) for item in items))

    def _gap(self, node: CollectionNode, inside: Node) -> str:
        """What stands between two entries: a comma in flow style, a new line where they have lines of their own."""
        indent = self._line(inside.start_mark.index)
        if not node.flow_style:
            return f"\n{' ' * inside.start_mark.column}"
        return ", " if indent.strip() else f",\n{indent}"

    def _emit(self, value: Any) -> str:
        """The value in one line."""
        if self._is_json:
            return json.dumps(value, ensure_ascii=False)
        writer = YAML()
        writer.width, writer.default_flow_style = _WIDE, True
        writer.brace_single_entry_mapping_in_flow_sequence = True
        stream = io.StringIO()
        writer.dump([value], stream)
        return stream.getvalue().strip()[1:-1]

    def _end(self, node: Node) -> int:
        """Where the text of a node ends; a block collection ends with its last value, not with what follows."""
        if isinstance(node, ScalarNode):
            return self._before_blanks(node.end_mark.index) if node.style in ("|", ">") else int(node.end_mark.index)
        if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        return self._entry(*last).end if isinstance(last, tuple) else self._end(last)

    def _before_blanks(self, end: int) -> int:
        while end and self._text[end - 1].isspace():
            end -= 1
        return end

    def _behind(self, index: int, column: int) -> int:
        """The end of the line, or of the comments after it that belong to something deeper than `column`."""
        found = end = self._line_end(index)
        while end < len(self._text):
            start, end = end + 1, self._line_end(end + 1)
            line = self._text[start:end]
            if line.strip() and not (line.lstrip().startswith("#") and len(line) - len(line.lstrip()) > column):
                break
            found = end if line.strip() else found
        return found

    def _line(self, index: int) -> str:
        """What stands in the line before a place."""
        return self._text[self._text.rfind("\n", 0, index) + 1 : index]

    def _line_end(self, index: int) -> int:
        end = self._text.find("\n", index)
        return len(self._text) if end < 0 else end


def _grows(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list) and len(new) >= len(old) > 0


def _continues(old: Any, new: Any) -> bool:
    return isinstance(new, str) and isinstance(old, str) and new.startswith(old.rstrip())
