"""For a pull-request comment: the same lines as on a terminal, in a diff block."""

import re

from deployer.model import Action, Plan
from deployer.render import lines
from deployer.render.plain import plain

_DIFF_SIGNS = {"~": "!", "±": "!", "?": "#", "·": "#"}


def plan(value: Plan) -> str:
    """Give the comment: headline, account, problems, one folded block for each change."""
    parts = [f"### deployer: {lines.totals(value)}", f"`{_code(lines.header(value))}`"]
    if value.problems:
        parts.append("\n".join(f"- **{problem.severity}** {_escape(str(problem))}" for problem in value.problems))
    for change in value.changes:
        if change.action is not Action.NO_OP:
            parts.append(_block(list(lines.of_change(change))))
        elif change.orphan:
            parts.append(f"- `{change.address}` {change.reason}")
    return "\n\n".join(parts) + "\n"


def _block(shown: list[lines.Line]) -> str:
    body = "\n".join(_line(line) for line in shown)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", body)), default=0))
    return f"{fence}diff\n{body}\n{fence}"


def _line(line: lines.Line) -> str:
    sign = _DIFF_SIGNS.get(line.sign, line.sign or " ")
    return f"{sign} {'  ' * line.depth}{line.text}".rstrip()


def _code(text: str) -> str:
    return text.replace("`", "'")


def _escape(text: str) -> str:
    """Keep what an account or a manifest says from becoming Markdown or HTML."""
    shown = plain(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]#|!@])", r"\\\1", shown)
