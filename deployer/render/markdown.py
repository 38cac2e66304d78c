"""For a comment on a pull request: the verdict first, then each change as a diff block that can be folded.

What an account or a manifest says stands in code, inline or in a block: nowhere else are Markdown, HTML, links and
`@mentions` all left alone. (An escaped `\\@` still mentions somebody: that is looked for in what Markdown leaves.)

GitHub refuses a comment of more than 65,536 characters. A longer one is shortened, largest changes first, and says so.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from deployer.engine import plan_json, review
from deployer.engine.plan_json import in_order
from deployer.model import Action, Outcome, Plan, Problem, Severity, Status
from deployer.render import formats, preview
from deployer.render.formats import Applied, Findings, Undone
from deployer.render.lines import Line, plain
from deployer.render.output import Streams
from deployer.wording import counted, cut, more

LIMIT = 65_000
"""Characters of a comment; what a pipeline writes around it fits into the rest of GitHub's 65,536."""
_OPEN = 100
_NAMED = 20
_PROBLEMS = 50
_FEW = 3
_SHORTENED = "**Shortened**: {}, since a comment holds 65,536 characters; `deployer plan` shows everything."
_DIFF_SIGNS = {"~": "!", "±": "!", "»": "!", "?": "#", "·": "#"}


def plan(value: Plan, to: Streams) -> None:
    """Write the comment below a hidden header, by which a pipeline knows what was shown."""
    text, truncated = comment(value)
    fingerprint = plan_json.fingerprint(value)
    header = {"account": value.target.name, "fingerprint": fingerprint, "truncated": truncated}
    hidden = json.dumps(header).replace(">", "\\u003e")
    to.say(f"<!-- deployer {hidden} -->\n\n{text}")


def comment(value: Plan) -> tuple[str, bool]:
    """Return headline, verdict, account, problems, one block for each change; and whether some of it had no room."""
    value = review.reviewed(value)
    blocks = [Block(shown) for shown in _changes(preview.changes(value))]
    said, where = f"### deployer: {preview.totals(value)}", _code(preview.header(value))
    top = [said, *_verdict(value), where, *_listed(value.problems)]
    body, note = _fitted(blocks, LIMIT - sum(map(len, top)) - 1_000)
    return "\n\n".join([top[0], *([note] if note else []), *top[1:], *body]), bool(note)


def drift(value: Plan, to: Streams) -> None:
    """Write what moved on the account, for an issue."""
    blocks = [Block(shown) for shown in _changes(preview.drift(value))]
    body, note = _fitted(blocks, LIMIT - 1_000)
    top = [
        f"### deployer drift: {preview.drift_totals(value)}",
        *([note] if note else []),
        _code(preview.header(value)),
    ]
    to.say("\n\n".join([*top, *body]))


def outcomes(value: Applied, to: Streams) -> None:
    """Write what became of a plan: how it ended, why, and each change, failures first."""
    end = " The next plan is empty." if value.left and not value.left.pending else ""
    said = f"{value.status}: {preview.outcome_totals(value.outcomes)}.{end}" if value.outcomes else f"{value.status}."
    ordered = sorted(value.outcomes, key=lambda one: one.status is Status.DONE)
    items = ["\n".join(_outcome(one)) for one in ordered]
    shown = _while_there_is_room(items, LIMIT - 5_000)
    rest = [f"- … {more(len(items) - len(shown))}"] if len(shown) < len(items) else []
    parts = [
        f"### deployer apply: {said}",
        _block(value.why) if value.why else "",
        _code(preview.header(value.plan)) if value.plan else "",
        f"The state before is kept as {_code(value.snapshot)}." if value.snapshot else "",
        "\n".join([*shown, *rest]),
        formats.rendered("tests", "markdown", value.tests.to_dict()) if value.tests else "",
        _taken_back(value.taken_back) if value.taken_back else "",
    ]
    to.say("\n\n".join(filter(None, parts)))


def _taken_back(value: Undone) -> str:
    items = ["\n".join(_outcome(one)) for one in value.outcomes]
    return "\n".join([f"### Taken back: {value.status}", "", *_while_there_is_room(items, LIMIT // 4)])


def problems(value: Findings, to: Streams) -> None:
    """Write what is wrong, in a list; it also stands in for a plan that could not be made."""
    wrong = sum(one.severity is Severity.ERROR for one in value.problems)
    said = f"failed, {counted(wrong, 'error')}" if wrong else f"valid: {value.checked}"
    to.say("\n\n".join([f"### deployer: {said}", *_listed(value.problems)]))


def _block(text: str) -> str:
    """Return lines in a block of code that they cannot end."""
    body = cut("\n".join(map(plain, text.split("\n"))), 3_000)
    fence = "`" * max(3, 1 + _longest(body))
    return f"{fence}text\n{body}\n{fence}"


def _outcome(value: Outcome) -> Iterator[str]:
    why = f": {value.why}" if value.why else ""
    yield f"- **{value.status}** {_code(cut(f'{preview.done(value)}{why}', 600))}"
    for note in value.notes[:_NAMED]:
        yield f"  - note: {_code(cut(note, 600))}"
    if value.requests:
        beyond = f" {more(len(value.requests) - _FEW)}" if len(value.requests) > _FEW else ""
        yield f"  - requests: {', '.join(_code(cut(one, 80)) for one in value.requests[:_FEW])}{beyond}"


def _verdict(value: Plan) -> Iterator[str]:
    """Yield what a reviewer must know before anything else: a list, or nothing."""
    breaking = [f"{address}.{field.name}" for address, field in value.breaking]
    removed = [str(change.address) for change in value.pending if change.action is Action.DELETE]
    replaced = [str(change.address) for change in value.pending if change.action is Action.REPLACE]
    told = review.of(value)
    items = [f"- **failed**: {_code(cut(line, 2_000))}" for line in told.failed]
    items += [f"- **apply will refuse**: {_code(line)}" for line in told.refusal.splitlines()[:1]]
    items += [f"  - {_code(line.strip())}" for line in told.refusal.splitlines()[1 : _NAMED + 1]]
    for what, names in (("breaking for the application", breaking), ("deletes", removed), ("makes anew", replaced)):
        if names:
            rest = f" {more(len(names) - _NAMED)}" if len(names) > _NAMED else ""
            items.append(f"- **{what}**: {', '.join(map(_code, names[:_NAMED]))}{rest}")
    if items:
        yield "\n".join(items)


def _listed(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield the list of problems, errors first where they are too many; the severity is said once."""
    found = in_order(problems)
    if len(found) > _PROBLEMS:
        found.sort(key=lambda one: one.severity is not Severity.ERROR)
    items = [f"- **{one.severity}** {_code(cut(_sentence(one), 600))}" for one in found[:_PROBLEMS]]
    if rest := found[_PROBLEMS:]:
        items.append(f"- … {more(len(rest), 'problem')}")
    if items:
        yield "\n".join(items)


def _sentence(problem: Problem) -> str:
    return str(replace(problem, severity=Severity.ERROR))


@dataclass(frozen=True)
class Block:
    """One change: its lines, in a form for each amount of room."""

    lines: Sequence[Line]

    @property
    def address(self) -> str:
        return self.lines[0].segments[0].text.strip()

    @property
    def title(self) -> str:
        """The first line, harmless and short, without its columns."""
        return cut(re.sub(r" {2,}", "  ", plain(f"{self.lines[0].sign} {self.lines[0].text.rstrip()}")), 200)

    def whole(self, *, opened: bool = True) -> str:
        """Return all lines in a diff block; below a title that folds them, where there are more than one."""
        body = "\n".join(_line(line) for line in self.lines)
        fence = "`" * max(3, 1 + _longest(body))
        block = f"{fence}diff\n{body}\n{fence}"
        if len(self.lines) == 1:
            return block
        title = f"<summary><code>{html.escape(self.title)}</code></summary>"
        return f"<details{' open' if opened else ''}>{title}\n\n{block}\n\n</details>"

    @cached_property
    def folded(self) -> str:
        """Return one item of a list that counts the lines that are left out."""
        return f"- {_code(self.title)}: {counted(len(self.lines) - 1, 'line')} left out"


def _fitted(blocks: Sequence[Block], room: int) -> tuple[list[str], str]:
    """Return the blocks as they fit into so many characters, and the sentence that says what was done to them.

    The largest are folded to a line first. Where even lines are too many, addresses are listed, the last ones counted.
    """
    opened = sum(len(block.lines) for block in blocks) <= _OPEN
    shown = [block.whole(opened=opened) for block in blocks]
    size, folded = sum(len(one) + 2 for one in shown), 0
    for place in sorted(range(len(blocks)), key=lambda place: -len(shown[place])):
        if size <= room:
            break
        size += len(blocks[place].folded) - len(shown[place])
        shown[place], folded = blocks[place].folded, folded + 1
    if size > room:
        return _named(blocks, room), _SHORTENED.format("changes are named only")
    return shown, _SHORTENED.format(f"{counted(folded, 'change')} stand in a line of their own") if folded else ""


def _named(blocks: Sequence[Block], room: int) -> list[str]:
    """Return the addresses by what is done to them; what finds no room is counted."""
    groups: dict[str, list[str]] = {}
    for block in blocks:
        groups.setdefault(block.lines[0].sign, []).append(_code(block.address))
    result = {}
    for place, sign in enumerate(sorted(groups, key=lambda sign: len(groups[sign]))):  # small ones leave room to others
        names = groups[sign]
        shown = _while_there_is_room(names, room // (len(groups) - place) - 50)
        rest = f" {more(len(names) - len(shown))}" if len(shown) < len(names) else ""
        result[sign] = f"- {_code(sign)} {len(names):,}: {', '.join(shown)}{rest}"
        room -= len(result[sign]) + 2
    return [result[sign] for sign in groups]


def _while_there_is_room(items: Sequence[str], room: int) -> list[str]:
    """Return the first items that take no more than so many characters, with two between them."""
    sizes = accumulate(len(item) + 2 for item in items)
    return [item for item, size in zip(items, sizes, strict=True) if size <= room]


def _changes(shown: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield the lines of each change; the first of them stands at the margin."""
    change: list[Line] = []
    for line in shown:
        if line.depth == 0 and change:
            yield change
            change = []
        change.append(line)
    if change:
        yield change


def _line(line: Line) -> str:
    sign = _DIFF_SIGNS.get(line.sign, line.sign or " ")
    return f"{sign} {'  ' * line.depth}{plain(line.text)}".rstrip()


def _code(text: str) -> str:
    """Return inline code that the text cannot end; the spaces beside it belong to the marks (CommonMark 6.1)."""
    shown = plain(text)
    mark = "`" * (1 + _longest(shown))
    return f"{mark} {shown} {mark}" if len(mark) > 1 or shown.strip() != shown else f"{mark}{shown}{mark}"


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
