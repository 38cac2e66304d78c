"""A plan as one HTML file: everything in it, nothing fetched, no script; light and dark, wide and narrow.

What an account or a manifest says is escaped, and the file forbids itself by policy to load or run anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from deployer.engine import review
from deployer.engine.plan_json import fingerprint, in_order
from deployer.model import Action, Change, FieldChange, FileChange, Origin, Plan, Use
from deployer.render import documents, fields, preview, textdiff
from deployer.render.lines import Line, plain
from deployer.render.output import Streams
from deployer.render.textdiff import Op, Row
from deployer.wording import counted, size

_DRAWN = 60
_QUIET = 3
"""Unchanged rows beside each other that are shown; more of them are folded."""
_SORTS = ("create", "update", "replace", "delete", "adopt", "no-op", "orphan", "conflict")
_MOVED = {Origin.ACCOUNT: "edited on the account, not in git", Origin.BOTH: "edited on the account and in git"}
_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--card:#f6f8fa;--new:#dafbe1;
--newt:#0a4d1f;--gone:#ffebe9;--gonet:#8b1220;--warn:#5b2bb3;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#a5b0bb;--line:#3d444d;--card:#161b22;
--new:#12351f;--newt:#8ff0a4;--gone:#45191c;--gonet:#ffb3ab;--warn:#d2b5ff;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:80rem;padding:1rem;background:var(--bg);color:var(--fg);
font:16px/1.5 system-ui,"Noto Sans KR",NanumGothic,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
h3{display:inline;font-size:1rem;margin:0}code,td,pre{font-family:ui-monospace,"D2Coding",Consolas,monospace;font-size:.9em}
.w,td{white-space:pre-wrap}.w{margin:0}.dim,th,caption{color:var(--dim);font-weight:normal}.warn{color:var(--warn);font-weight:600}
ins{background:var(--new);color:var(--newt);text-decoration:underline}
del{background:var(--gone);color:var(--gonet);text-decoration:line-through}
fieldset{border:1px solid var(--line);border-radius:.4rem;margin:1rem 0;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}
label{white-space:nowrap}input{width:1.1rem;height:1.1rem;vertical-align:-.15rem;accent-color:var(--link)}
article{border:1px solid var(--line);border-radius:.4rem;margin:.6rem 0;content-visibility:auto;
contain-intrinsic-size:auto 20rem}@media print{article{content-visibility:visible}}
article>details>summary,article>div{background:var(--card);padding:.5rem .8rem;margin:0;border-radius:.4rem}
article>details>div{padding:0 .8rem .8rem}summary{cursor:pointer}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;margin:.3rem 0 1rem;table-layout:fixed}
table.files{table-layout:auto}caption,th{text-align:left}
th,td{padding:.1rem .4rem;vertical-align:top;border:0 solid var(--line)}
tr>*{border-bottom-width:1px}td+td{border-left-width:1px}
.g{background:var(--gone)}.n{background:var(--new)}.n ins{text-decoration:none}
pre{margin:.3rem 0 1rem;padding:.2rem .5rem;white-space:pre-wrap;border-left:4px solid var(--line)}
.wide{overflow-x:auto}.num{text-align:right;white-space:nowrap}
svg{width:100%;min-width:40rem;height:auto}svg text{fill:var(--fg);font:13px system-ui,sans-serif}
svg rect{fill:var(--card);stroke:var(--line)}svg path{fill:none;stroke:var(--dim)}
@media(max-width:40rem){table.p,table.p tbody,table.p tr,table.p td{display:block;width:100%}table.p thead{display:none}
td+td{border-left-width:0}body{padding:.6rem}}
"""


def plan(value: Plan, to: Streams) -> None:
    """Write the page."""
    value = review.reviewed(value)
    hints = preview.hints(value)
    shown = [
        one
        for one in value.changes
        if one.action is not Action.NO_OP or one.orphan or one.fields or one.address in hints
    ]
    title = f"deployer: {preview.totals(value)}"
    style = _STYLE + "".join(f"body:has(#{name}:not(:checked)) .{name}{{display:none}}" for name in _sorts(shown))
    to.say(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">"
        f"<title>{_text(title)}</title><style>{style}</style></head><body>"
        + "\n".join((_header(value), "<main>", *_problems(value), *_graph(value), *_filter(shown), "<h2>Changes</h2>"))
        + "\n".join(_change(value, one, hints.get(one.address, ())) for one in shown)
        + f"</main><footer><p class=dim>Fingerprint <code>{fingerprint(value)}</code></p></footer></body></html>"
    )


def _text(value: str) -> str:
    return escape(plain(value))


def _lines(value: str) -> str:
    """Return text that keeps its line ends."""
    return "\n".join(map(_text, value.split("\n")))


def _header(value: Plan) -> str:
    """Return the verdict: what there is to do, and what a reviewer must know before anything else."""
    told = review.of(value)
    items = [f"<li><span class=warn>failed</span>: {_text(line)}" for line in told.failed]
    if told.refusal:
        items.append(f"<li><span class=warn>apply will refuse</span>: <span class=w>{_lines(told.refusal)}</span>")
    breaking = [f"{address}.{field.name}" for address, field in value.breaking]
    for what, names in (("breaking for the application", breaking), ("deletes", _addresses(value, Action.DELETE))):
        if names:
            items.append(
                f"<li><span class=warn>{what}</span>: {', '.join(f'<code>{_text(one)}</code>' for one in names)}"
            )
    listed = f"<ul>{''.join(items)}</ul>" if items else ""
    where = _text(preview.header(value))
    return f"<header><h1>{_text(preview.totals(value))}</h1><p class=dim>{where}</p>{listed}</header>"


def _addresses(value: Plan, action: Action) -> list[str]:
    return [str(change.address) for change in value.pending if change.action is action]


def _problems(value: Plan) -> Iterator[str]:
    if value.problems:
        items = "".join(f"<li>{_text(str(problem))}" for problem in in_order(value.problems))
        yield f"<h2>Problems</h2><ul>{items}</ul>"


def _sort(change: Change) -> str:
    """Return what the change is filtered by: its action, and whether it is a conflict."""
    action = "orphan" if change.orphan and change.action is Action.NO_OP else change.action.value
    return f"{action} conflict" if preview.conflicts(change) else action


def _sorts(shown: Sequence[Change]) -> list[str]:
    found = {name for change in shown for name in _sort(change).split()}
    return [name for name in _SORTS if name in found]


def _filter(shown: Sequence[Change]) -> Iterator[str]:
    """Yield a check box for each action; the style sheet does the rest, without a script."""
    names = _sorts(shown)
    counts = {name: sum(name in _sort(change).split() for change in shown) for name in names}
    boxes = "".join(
        f'<label><input type="checkbox" id="{name}" checked> {name} ({counts[name]:,})</label>' for name in names
    )
    if len(names) > 1:
        yield f"<fieldset><legend>Show</legend>{boxes}</fieldset>"


def _change(value: Plan, change: Change, beside: Sequence[Line]) -> str:
    edited = preview.conflicts(change)
    note = f" <span class=warn>{counted(edited, 'conflict')} with the account</span>" if edited else ""
    name = f"<h3><code>{preview.sign(change)} {_text(str(change.address))}</code></h3>"
    head = f"{name} <span class=dim>{_text(preview.detail(change))}</span>{note}"
    hints = "".join(f"<p class=w>{'  ' * (line.depth - 1)}{_text(line.text)}</p>" for line in beside)
    body = "".join((*_fields(change), *_files(review.files(value, change)), hints))
    inside = f"<details open><summary>{head}</summary><div>{body}</div></details>" if body else f"<div>{head}</div>"
    return f'<article class="{_sort(change)}">{inside}</article>'


def _fields(change: Change) -> Iterator[str]:
    for field in sorted(change.fields, key=fields.reading_order):
        note = f" <span class=warn>{_MOVED[field.origin]}</span>" if field.origin in _MOVED else ""
        note += " <span class=warn>kept</span>" if field.kept else ""
        effects = "".join(f"<li>{_text(effect.what)}" for effect in field.effects)
        told = f"<ul class=dim>{effects}</ul>" if effects else ""
        yield f"<p><code>{_text(field.name)}</code>{note}</p>{told}{_values(field)}"


def _values(field: FieldChange) -> str:
    """Return both values beside each other, row by row; structures as JSON, so that contracts are read old and new."""
    old, new = (_written(value) for value in (field.old, field.new))
    if not old or not new:
        mark, name = ("ins", "n") if new else ("del", "g")
        return f"<pre class={name}><{mark}>{_lines(old or new)}</{mark}></pre>"
    texts = isinstance(field.old, str) and isinstance(field.new, str)
    rows = "".join(_folded(textdiff.every_row(old, new) if texts or "\n" in old + new else [Row(Op.NEW, old, new)]))
    return f"<table class=p><thead><tr><th scope=col>before<th scope=col>after</thead>{rows}</table>"


def _written(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _folded(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows of a table; long runs of unchanged ones can be opened."""
    for same, run in groupby(rows, key=lambda row: row.op is Op.SAME):
        part = list(run)
        if not same:
            yield from map(_row, _beside(part))
        elif len(part) <= 3 * _QUIET:
            yield from map(_row, part)
        else:
            yield from map(_row, part[:_QUIET])
            hidden = part[_QUIET:-_QUIET]
            text = "\n".join(row.new for row in hidden)
            yield _behind(f"{counted(len(hidden), 'unchanged line')}", text)
            yield from map(_row, part[-_QUIET:])


def _beside(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield what went and what came beside each other (a new row then has the old one, too)."""
    gone: list[Row] = []
    for row in rows:
        if row.op is Op.GONE:
            gone.append(row)
        elif row.op is Op.NEW and gone:
            yield Row(Op.NEW, gone.pop(0).old, row.new)
        else:
            yield from gone
            gone = []
            yield row
    yield from gone


def _row(row: Row) -> str:
    if row.op is Op.SAME:
        return f"<tr><td colspan=2>{_text(row.new)}"
    if row.op is Op.CHANGED:
        before, after = _marked(row)
        return f"<tr><td>{before}<td>{after}"
    if row.op in (Op.MOVED_AWAY, Op.MOVED_HERE):
        return _behind(f"{counted(row.lines, 'line')} {row.op}", row.new)
    old = f"<td class=g><del>{_text(row.old)}</del>" if row.old or row.op is Op.GONE else "<td>"
    new = f"<td class=n><ins>{_text(row.new)}</ins>" if row.op is Op.NEW else "<td>"
    return f"<tr>{old}{new}"


def _behind(title: str, text: str) -> str:
    """Return a row whose text can be opened."""
    return f"<tr><td colspan=2><details><summary class=dim>{title}</summary>{_lines(text)}</details>"


def _marked(row: Row) -> tuple[str, str]:
    """Return both sides of an edited line, with the words that differ marked."""
    stretches = textdiff.every_word(row.old, row.new)
    marks = {Op.SAME: "{}", Op.GONE: "<del>{}</del>", Op.NEW: "<ins>{}</ins>"}
    sides = (Op.GONE, Op.NEW), (Op.NEW, Op.GONE)
    before, after = (
        "".join(marks[one.op].replace("{}", _text(one.text)) for one in stretches if one.op is not other)
        for _, other in sides
    )
    return before, after


def _files(changes: Sequence[FileChange]) -> Iterator[str]:
    if not changes:
        return
    rows = "".join(
        f"<tr><td>{one.action}<td>{_text(one.path)}<td class=num>{_sizes(one)}"
        f"<td>{_text(str(one.reason))}{_settings(one)}"
        for one in changes
    )
    heads = "".join(f"<th scope=col>{name}" for name in ("action", "document", "size", "why"))
    caption = f"<caption>{counted(len(changes), 'document')}</caption>"
    yield f"<table class=files>{caption}<thead><tr>{heads}</thead>{rows}</table>"


def _sizes(change: FileChange) -> str:
    gone = [file.size for file in change.live[:1] if file.size is not None]
    found = [*gone, *([change.desired.size] if change.desired else [])]
    return " → ".join(dict.fromkeys(map(size, found)))


def _settings(change: FileChange) -> str:
    told = "".join(segment.text for segment in documents.difference(change))
    return f"<br><span class=dim>{_text(told)}</span>" if told else ""


def _graph(value: Plan) -> Iterator[str]:
    """Yield a picture of who uses what, and the same as a list; what has no reference stands in neither."""
    told = review.of(value).uses
    uses = {name: use.names for name, use in told.items() if use.names}
    if not uses:
        return
    said = "".join(f"<li>{_text(name)} uses {_text(', '.join(names))}" for name, names in uses.items())
    yield f"<h2>What uses what</h2>{_picture(dict(list(uses.items())[:_DRAWN]), told)}"
    yield f"<details><summary>As a list ({len(uses):,})</summary><ul>{said}</ul></details>"


def _picture(uses: Mapping[str, Sequence[str]], told: Mapping[str, Use]) -> str:
    """Return three columns: what uses, what is used, and the documents of that."""
    used = {name: row for row, name in enumerate(sorted({name for names in uses.values() for name in names}))}
    boxes = [*_boxes(list(uses), 0), *_boxes(list(used), 1)]
    ways = [_way(0, row, used[other]) for row, names in enumerate(uses.values()) for other in names]
    for name, row in used.items():
        if count := told[name].documents:
            boxes.append(_box(2, row, f"{counted(count, 'document')}, {size(told[name].bytes)}"))
            ways.append(_way(1, row, row))
    height = max(len(uses), len(used)) * 40 + 10
    view = f'viewBox="0 0 900 {height}" role="img" aria-label="What uses what, as listed below"'
    drawn = f"<svg {view}>{''.join(ways)}{''.join(boxes)}</svg>"
    return f"<div class=wide tabindex=0 role=group aria-label=Picture>{drawn}</div>"


def _boxes(names: Sequence[str], column: int) -> list[str]:
    return [_box(column, row, name) for row, name in enumerate(names)]


def _box(column: int, row: int, text: str) -> str:
    x, y = column * 320 + 5, row * 40 + 5
    shown = text if len(text) <= 32 else f"{text[:31]}…"
    return (
        f'<rect x="{x}" y="{y}" width="250" height="30" rx="6"/><text x="{x + 10}" y="{y + 20}">{_text(shown)}</text>'
    )


def _way(column: int, start: int, end: int) -> str:
    x, y1, y2 = column * 320 + 255, start * 40 + 20, end * 40 + 20
    return f'<path d="M{x} {y1}C{x + 35} {y1} {x + 35} {y2} {x + 70} {y2}"/>'
