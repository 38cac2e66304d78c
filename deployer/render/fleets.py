"""What became of a fleet, for people: what is the same everywhere once, what differs by account, and what failed.

The report is JSON data (schemas/fleet.schema.json): whatever of it an account or a manifest says is made harmless here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from deployer.render.lines import plain
from deployer.render.output import Streams
from deployer.wording import counted, cut, listed, more

Report = Mapping[str, Any]
_SIGNS = {"create": "+", "update": "~", "replace": "±", "delete": "-", "adopt": "~", "drift": "!"}
_WIDE = 72
_NAMED = 5
_ACCOUNTS = 200
_LIMIT = 60_000
_WORDS = {
    "unchanged": "unchanged",
    "changes": "with changes",
    "drifted": "drifted",
    "valid": "valid",
    "passed": "passed",
    "done": "done",
    "incomplete": "incomplete",
    "interrupted": "interrupted",
    "refused": "refused",
    "failed": "failed",
    "resumed": "done before",
    "left": "not begun",
}
_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--warn:#8b1220}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#a5b0bb;--line:#3d444d;--warn:#ffb3ab}}
body{margin:0 auto;max-width:80rem;padding:1rem;background:var(--bg);color:var(--fg);
font:16px/1.5 system-ui,"Noto Sans KR",NanumGothic,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}pre,code,td{font-family:ui-monospace,Consolas,monospace;
font-size:.9em}pre{white-space:pre-wrap;border-left:4px solid var(--line);padding:.2rem .5rem}.dim{color:var(--dim)}
.warn{color:var(--warn);font-weight:600}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.15rem .5rem;border-bottom:1px solid var(--line)}
"""


def text(value: Report, to: Streams) -> None:
    """Write the report for a terminal or a log."""
    to.say("\n".join(_lines(value)))


def _lines(value: Report) -> Iterator[str]:
    yield plain(_header(value))
    for what in value["warnings"]:
        yield plain(f"warning: {what['what']} ({_who(what, value)})")
    for title, changes in _sections(value):
        yield from ("", title)
        for change in changes:
            yield from (f"  {line}" for line in _change(change, value))
    if value["failures"]:
        yield from ("", "Failed:")
    for one in value["failures"]:
        first, *rest = one["why"].split("\n")
        yield plain(f"  ✗ {_who(one, value)}: {first}")
        yield from (f"      {plain(line)}" for line in rest[:_NAMED])
    yield ""
    if len(value["waves"]) > 1:
        yield from (plain(_wave(one)) for one in value["waves"])
    yield totals(value)
    if value["stopped"]:
        yield plain(f"Stopped: {value['stopped']}.")


def _header(value: Report) -> str:
    accounts = sum(one["accounts"] for one in value["waves"])
    waves = f" in {counted(len(value['waves']), 'wave')}" if len(value["waves"]) > 1 else ""
    return f"{value['project']} · fleet {value['fleet']} · {counted(accounts, 'account')}{waves}"


def totals(value: Report) -> str:
    """Return how many accounts stand how: `1,000 accounts: 990 done, 10 unchanged.` in a sentence."""
    accounts = sum(one["accounts"] for one in value["waves"])
    told = [f"{count:,} {_WORDS[name]}" for name, count in value["counts"].items() if count]
    return f"{counted(accounts, 'account')}: {', '.join(told)}." if told else f"{counted(accounts, 'account')}."


def _wave(one: Mapping[str, Any]) -> str:
    where = ", ".join(f"{name}={' or '.join(values)}" for name, values in one["where"].items())
    told = [(one["ok"], "ok"), (one["failed"], "failed"), (one["left"], "not begun")]
    said = ", ".join(f"{count:,} {word}" for count, word in told if count)
    return f"wave {one['number']}{f' ({where})' if where else ''}: {counted(one['accounts'], 'account')}: {said or '-'}"


def _sections(value: Report) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Yield what is the same everywhere, what is so on some, and what is everywhere, but differs."""
    found = value["changes"]
    everywhere = [one for one in found if one["everywhere"] and len(one["forms"]) + one["more_forms"] == 1]
    differs = [one for one in found if len(one["forms"]) + one["more_forms"] > 1]
    some = [one for one in found if one not in everywhere and one not in differs]
    accounts = len(value["accounts"])
    if everywhere:
        yield f"On {'all ' if accounts > 1 else ''}{counted(accounts, 'account')}:", everywhere
    if some:
        yield "On some accounts:", some
    if differs:
        yield "Differs by account:", differs


def _change(change: Mapping[str, Any], value: Report) -> Iterator[str]:
    done = change.get("outcomes", {})
    bad = ", ".join(f"{count:,} {name}" for name, count in done.items() if name != "done")
    who = "" if change["everywhere"] else f"  ({_who(change, value)})"
    yield plain(f"{_SIGNS.get(change['action'], '·')} {change['address']}{who}{f'  {bad}' if bad else ''}")
    forms = len(change["forms"]) + change["more_forms"]
    for form in change["forms"]:
        if forms > 1:
            yield plain(f"    {_who(form, value)}:")
        yield from (f"    {'  ' if forms > 1 else ''}{line}" for line in _form(change, form))
    if change["more_forms"]:
        yield f"    {more(change['more_forms'], 'form')}"


def _form(change: Mapping[str, Any], form: Mapping[str, Any]) -> Iterator[str]:
    for field in form["fields"]:
        new = _value(field["new"])
        said = new if change["action"] == "create" else f"{_value(field['old'])} → {new}"
        yield plain(f"{field['path']}: {said}")
    for action, paths in form["files"].items():
        yield plain(f"{action}: {listed(paths, _NAMED)}")
    if not form["fields"] and not form["files"] and form["reason"]:
        yield plain(form["reason"])


def _value(value: Any) -> str:
    return "not set" if value is None else cut(json.dumps(value, ensure_ascii=False), _WIDE)


def _who(one: Mapping[str, Any], value: Report) -> str:
    names = one["names"][:_NAMED]
    if one["accounts"] == len(value["accounts"]) > _NAMED:
        return f"all {counted(one['accounts'], 'account')}"
    rest = one["accounts"] - len(names)
    return f"{', '.join(names)} {more(rest)}" if rest else ", ".join(names)


def markdown(value: Report, to: Streams) -> None:
    """Write the report for a comment or a summary of a job; a long one is cut, and says so."""
    head = f"### deployer {value['verb']}: {totals(value)}"
    body = "\n".join(_lines(value))
    short = body if len(body) <= _LIMIT else f"{body[:_LIMIT]}\n… shortened: a comment holds 65,536 characters"
    fence = "`" * max(
        3, 1 + max((len(run) for run in short.split() if set(run) == {"`"}), default=0), 1 + _ticks(short)
    )
    to.say(f"{head}\n\n{fence}text\n{short}\n{fence}")


def _ticks(value: str) -> int:
    """Return the longest run of backticks."""
    longest = run = 0
    for one in value:
        run = run + 1 if one == "`" else 0
        longest = max(longest, run)
    return longest


def html(value: Report, to: Streams) -> None:
    """Write the report as one page: nothing fetched, no script; accounts in a table, those that are not well first."""
    title = escape(plain(f"deployer {value['verb']}: {totals(value)}"))
    rows = sorted(value["accounts"], key=lambda one: (not one["why"], one["row"]))
    shown = "".join(map(_row, rows))
    summary = escape("\n".join(_lines(value)))
    to.say(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>"
        f"<pre>{summary}</pre><h2>Accounts</h2><table><thead><tr><th>Account<th>Wave<th>Status<th>Why</thead>"
        f"<tbody>{shown}</tbody></table></main></body></html>"
    )


def _row(one: Mapping[str, Any]) -> str:
    name, where = escape(plain(one["name"])), escape(plain(one["where"]))
    status = f"<span class=warn>{one['status']}</span>" if one["why"] else one["status"]
    why = escape(plain(one["why"]))
    return f"<tr><td>{name} <span class=dim>{where}</span><td>{one['wave']}<td>{status}<td>{why}"
