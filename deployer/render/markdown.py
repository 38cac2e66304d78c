"""For a pull-request comment: the same lines as on a terminal, in a diff block.

What an account or a manifest says stands in code, inline or in a block: nowhere else are Markdown, HTML, links and
`@mentions` all left alone. (An escaped `\\@` still mentions somebody: that is looked for in what Markdown leaves.)
"""

import re
from collections.abc import Iterable, Iterator

from deployer.engine.data import in_order
from deployer.model import Plan
from deployer.render import preview
from deployer.render.lines import Line, plain
from deployer.render.output import Streams

_DIFF_SIGNS = {"~": "!", "±": "!", "»": "!", "?": "#", "·": "#"}


def plan(value: Plan, to: Streams) -> None:
    """Write the comment: headline, account, problems, one block for each change."""
    parts = [f"### deployer: {preview.totals(value)}", _code(preview.header(value))]
    if value.problems:
        parts.append(
            "\n".join(f"- **{problem.severity}** {_code(str(problem))}" for problem in in_order(value.problems))
        )
    parts.extend(_block(shown) for shown in _changes(preview.changes(value)))
    to.say("\n\n".join(parts))


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


def _block(shown: list[Line]) -> str:
    body = "\n".join(_line(line) for line in shown)
    fence = "`" * max(3, 1 + _longest(body))
    return f"{fence}diff\n{body}\n{fence}"


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
