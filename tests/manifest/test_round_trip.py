"""What is written says what is live: whatever the texts hold, read back by the tool's own reader."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.engine.adopt import live_attrs
from deployer.engine.canonical import ordered_sha256, same
from deployer.functions.check import check_function
from deployer.kinds import SURFACES, Kind, kinds_of
from deployer.manifest import Manifest, compile_manifest, export
from deployer.manifest.declaration import Declaration
from deployer.manifest.export import declared
from deployer.manifest.variables import variable
from deployer.model import Address, LiveObject, Severity
from tests.support import strategies

SCALARS = "no 0o17 1e3 ~ null - # : ' \" | > %x @x ` &a *a !t { [ ? << = --- ... .5 +1 0x1F 2026-11-21 prompts/a.md"
REFERENCES = "${var.x} $${ $$${a} ${ ${env.HOME} $ a${b}c$${d}"
BREAKS = ("\t", " x", "x ", "x\n", "\nx", "\n\n", " \n x", "a\n\n\nb\n\n", "- a", "a: b", "a #b", "\r", "a\r\nb")
CHARACTERS = ("\ufeffx", "\x85", "\u2028", "\x7f", "\x1b[31m", "\x07", "é", "가각", "\U0001f600", "\xa0")
AWKWARD = st.one_of(
    st.sampled_from([*SCALARS.split(), *REFERENCES.split(), *BREAKS, *CHARACTERS, "x" * 300, "word " * 60]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40),
    st.text(" \n\t$\\{}'\"-:#|>ab\r\u2028", min_size=1, max_size=20),
)


@st.composite
def live_assistants(draw: st.DrawFn) -> dict[str, Any]:
    """Draw attrs as strategies.assistants does, with awkward texts in them."""
    attrs = dict(draw(strategies.assistants))
    for name in ("name", "description", "instructions"):
        if draw(st.booleans()):
            attrs[name] = draw(AWKWARD)
    if draw(st.booleans()):
        attrs["metadata"] = draw(st.dictionaries(AWKWARD.filter(_is_key), AWKWARD, max_size=3))
    for tool in attrs.get("tools", ()):
        if tool["type"] == "function" and draw(st.booleans()):
            awkward = draw(st.dictionaries(AWKWARD, st.builds(lambda said: {"description": said}, AWKWARD), max_size=3))
            tool["parameters"] = {"type": "object", "properties": awkward}
    return attrs


def _is_key(name: str) -> bool:
    return len(name) <= 64 and not name.startswith("deployer")


def live_object(kind: Kind, attrs: Mapping[str, Any]) -> LiveObject:
    """Give the object that an account would answer after these attrs were sent."""
    fields = kind.wire(kind.express(attrs).attrs, None).fields
    return LiveObject("assistant", "asst_1", {"id": "asst_1", "metadata": {}, **fields})


def read_back(api: str, one: Declaration) -> tuple[Manifest, dict[str, str]]:
    accounts = {"live": {"api": api}}
    files = export.files(export.Header("test", accounts), [one])
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="")
        return compile_manifest(Path(folder) / export.MANIFEST, "live", {}, {}), files


@pytest.mark.parametrize("api", tuple(SURFACES))
@given(attrs=live_assistants())
def test_what_is_written_means_what_is_live(api: str, attrs: dict[str, Any]) -> None:
    kind = kinds_of(api)["assistant"]
    live = live_object(kind, attrs)
    one = declared(kind, Address("assistant", "a"), live, {}, None)
    found, files = read_back(api, one)
    wrong = export.misread(found, [one], {"assistant": kind}, {})
    assert {each.field for each in wrong} <= expected_losses(api, attrs), (wrong, files)
    while wrong:
        ((one,), _) = export.settled([one], wrong)
        found, files = read_back(api, one)
        wrong = export.misread(found, [one], {"assistant": kind}, {})
    lost = {remark.partition(" ")[0] for remark in one.remarks}
    (resource,) = found.resources
    said = kind.express(resource.attrs).attrs
    for name, value in live_attrs(kind, live, {}).items():
        default = {} if name == "metadata" else kind.defaults[name]
        assert name in lost or same(said.get(name, default), value), (name, files)
        assert name not in said or ordered_sha256(said[name]) == ordered_sha256(value), (name, files)


def expected_losses(api: str, attrs: Mapping[str, Any]) -> set[str]:
    """Name the fields that a manifest refuses: the schema's limits, and functions that no API would take."""
    limits = {"name": 256, "description": 512}
    lost = {name for name, most in limits.items() if len(attrs.get(name) or "") > most}
    functions = [tool for tool in attrs.get("tools", ()) if tool["type"] == "function"]
    found = [finding for tool in functions for finding in check_function(tool, api)]
    return lost | ({"tools"} if any(one.severity is Severity.ERROR for one in found) else set())


@given(st.lists(AWKWARD, max_size=4))
def test_remarks_are_comments_whatever_they_say(remarks: list[str]) -> None:
    kind = kinds_of("assistants")["assistant"]
    live = live_object(kind, {"model": "m", "instructions": "a\n\nb\n\n", "description": "x\n\n\n"})
    one = declared(kind, Address("assistant", "a"), live, {}, None)
    for remark in remarks:
        one = one.saying(remark)
    found, files = read_back("assistants", one)
    assert not export.misread(found, [one], {"assistant": kind}, {})
    comments = [line for line in files[export.MANIFEST].splitlines() if line.startswith("  # ")]
    assert len(comments) == len(remarks)


@given(AWKWARD)
def test_no_text_is_taken_for_a_reference(awkward: str) -> None:
    written = export.escaped({"k": [awkward]})["k"][0]
    assert (variable(written, {}) if "${" in written else written) == awkward
