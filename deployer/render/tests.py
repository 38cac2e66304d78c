"""What came of conversation tests, from their published form: text, JSON, JUnit, one HTML file, Markdown.

What failed is shown with its conversation, step by step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from deployer.render.data import dumped
from deployer.render.lines import plain, plain_text
from deployer.render.output import Streams
from deployer.wording import cut, listed, more

Json = Mapping[str, Any]
_SIGNS = {"passed": "✓", "failed": "✗", "error": "!"}
_LONGEST = 600
_FEW = 5
_MOST = 20
_MOST_MARKDOWN = 30_000
_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--good:#0a4d1f;--bad:#8b1220}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#a5b0bb;--line:#3d444d;--good:#8ff0a4;--bad:#ffb3ab}}
body{margin:0 auto;max-width:70rem;padding:1rem;background:var(--bg);color:var(--fg);
font:16px/1.5 system-ui,"Noto Sans KR",NanumGothic,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.1rem}.dim{color:var(--dim)}.passed{color:var(--good)}.failed,.error{color:var(--bad)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}summary{cursor:pointer}
pre{white-space:pre-wrap;font-family:ui-monospace,Consolas,monospace;font-size:.9em;margin:.3rem 0}
table{border-collapse:collapse}th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line)}
:focus-visible{outline:3px solid var(--dim);outline-offset:2px}
"""


def text(value: Json, to: Streams) -> None:
    """Write a line for each test, and what failed with its conversation."""
    for one in value["tests"]:
        to.say(plain(f"{_SIGNS[one['status']]} {_title(one)}"))
        if one["status"] != "passed":
            for line in _told(one):
                to.say(plain_text(f"    {line}"))
    to.say("")
    for line in _sums(value):
        to.say(plain(line))
    for note in value["notes"]:
        to.warn(plain(note))


def json_(value: Json, to: Streams) -> None:
    """Write the published form (schemas/tests.schema.json)."""
    to.say(dumped(value))


def _title(one: Json) -> str:
    again = f" (attempt {one['attempts']})" if one["attempts"] > 1 else ""
    repeat = f" #{one['repeat']}" if one["repeat"] > 1 else ""
    return f"{one['address'] or 'no address'}: {one['name']}{repeat}{again}"


def _told(one: Json) -> Iterator[str]:
    """Return why a test did not pass, line by line, and its conversation."""
    why, at = str(one["why"]), one["position"]
    place = f"{at['file']}:{at['line']}:{at['column']}" if at else ""
    if place and not why.startswith(f"{place}:"):
        yield place
    yield from why.splitlines()
    yield from _steps(one["transcript"])


def _steps(transcript: Json | None) -> Iterator[str]:
    """Return a conversation line by line: who said what, which functions were called, what they answered."""
    for entry in (transcript or {}).get("entries", ()):
        match entry["type"]:
            case "message":
                yield from _block("  You: " if entry["role"] == "user" else "  Assistant: ", entry["text"])
            case "function_call":
                yield f"  · calls {entry['name']} {cut(entry['arguments'], _LONGEST)}"
            case "function_answer":
                answer = entry["answer"]
                yield f"  · {answer['failure'] or cut('answered ' + answer['output'], _LONGEST)}"
            case "step":
                yield f"  · {entry['kind']} {cut(json.dumps(entry['data'], ensure_ascii=False), _LONGEST)}"
            case "end" if entry["status"] != "completed":
                yield f"  · the turn ended as {entry['status']}{': ' + entry['reason'] if entry['reason'] else ''}"


def _block(start: str, said: str) -> Iterator[str]:
    first, *rest = said.splitlines() or [""]
    yield f"{start}{first}"
    yield from (f"    {line}" for line in rest)


def _sums(value: Json) -> Iterator[str]:
    yield f"{value['totals']}."
    for sort, one in value["coverage"].items():
        if one["missing"]:
            shown = listed(one["missing"], _FEW)
            yield f"Not touched by any test: {len(one['missing'])} of {one['all']} {sort} ({shown})."
    yield from (f"Policy: {one}." for one in value["broken"])


def junit(value: Json, to: Streams) -> None:
    """Write a JUnit test suite, as CI systems read it."""
    counts, tests = value["counts"], value["tests"]
    seconds = sum(sum(one["seconds"]) for one in tests)
    told = {"tests": str(len(tests)), "failures": str(counts["failed"]), "errors": str(counts["error"]), "skipped": "0"}
    name = plain(f"deployer test {value['project']}")
    suite = Element("testsuite", {"name": name, "time": f"{seconds:.3f}", **told})
    for one in tests:
        suite.append(_case(one))
    for sentence in value["broken"]:
        case = SubElement(suite, "testcase", classname="policy", name=plain(sentence))
        SubElement(case, "failure", type="policy", message=plain(sentence))
    to.say('<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode"))


def _case(one: Json) -> Element:
    at = one["position"]
    place = {"file": plain(at["file"]), "line": str(at["line"])} if at else {}
    name = f"{one['name']} #{one['repeat']}" if one["repeat"] > 1 else one["name"]
    head = {"classname": plain(one["address"]), "name": plain(name), "time": f"{sum(one['seconds']):.3f}"}
    case = Element("testcase", {**head, **place})
    if one["status"] != "passed":
        kind = "failure" if one["status"] == "failed" else "error"
        found = SubElement(case, kind, type=one["status"], message=plain(str(one["why"])))
        found.text = plain_text("\n".join(_told(one)))
    return case


def html(value: Json, to: Streams) -> None:
    """Write one file with everything in it: nothing is fetched, no script runs, what was said is escaped."""
    rows = "".join(
        f"<tr><td>{escape(sort)}</td><td>{one['percent']:g} %</td><td>{_text(listed(one['missing'], _MOST))}</td></tr>"
        for sort, one in value["coverage"].items()
    )
    broken = "".join(f"<li class=failed>{_text(one)}</li>" for one in value["broken"])
    notes = "".join(f"<li class=dim>{_text(one)}</li>" for one in value["notes"])
    account = value["account"]
    to.say(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline'\">"
        f"<title>deployer: {_text(value['totals'])}</title><style>{_STYLE}</style></head><body>"
        f"<header><h1>{_text(value['totals'])}</h1><p class=dim>{_text(value['project'])} on account "
        f"{_text(account['name'])} ({_text(account['api'])})</p></header><main><ul>{broken}{notes}</ul>"
        + "\n".join(map(_article, value["tests"]))
        + f"<h2>Touched by tests</h2><table><tr><th>What</th><th>Share</th><th>Not touched</th></tr>{rows}</table>"
        "</main></body></html>"
    )


def _article(one: Json) -> str:
    shown = " open" if one["status"] != "passed" else ""
    body = "\n".join(_told(one)) if one["status"] != "passed" else _passed(one)
    title = f"<span class={one['status']}>{one['status']}</span> {_text(_title(one))}"
    return f"<details{shown}><summary>{title}</summary><pre>{escape(plain_text(body))}</pre></details>"


def _passed(one: Json) -> str:
    return "\n".join(f"{check['type']}: {check['why']}" for check in one["checks"]) or "every turn was completed"


def _text(value: str) -> str:
    return escape(plain(value))


def markdown(value: Json, to: Streams) -> None:
    """Write what a pull request or a job shows: the sum, what failed, folded, and what no test touches."""
    wrong = [one for one in value["tests"] if one["status"] != "passed"]
    parts = [f"### {_SIGNS['passed' if value['ok'] else 'failed']} {_escaped(value['totals'])}"]
    parts += [_folded(one) for one in wrong[:_MOST]]
    parts += [f"{more(len(wrong) - _MOST)}, in the report as JUnit"] if len(wrong) > _MOST else []
    parts += [_escaped(line) for line in list(_sums(value))[1:]]
    to.say(cut("\n\n".join(parts), _MOST_MARKDOWN))


def _folded(one: Json) -> str:
    body = plain_text("\n".join(_told(one)))
    fence = "```"
    while fence in body:
        fence += "`"
    title = _text(f"{one['status']}: {_title(one)}")
    return f"<details><summary>{title}</summary>\n\n{fence}\n{cut(body, 4_000)}\n{fence}\n\n</details>"


def _escaped(line: str) -> str:
    return "".join(f"\\{one}" if one in r"\`*_[]<>#|" else one for one in plain(line))
