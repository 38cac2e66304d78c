"""What a service did not take is told, and its own form of what was sent is told apart from that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import answers, stamp
from deployer.engine.answers import Exchange
from deployer.kinds import kinds_of, vector_store
from deployer.model import Address, LiveFile

ASSISTANT, AGENT = kinds_of("assistants")["assistant"], kinds_of("agents")["assistant"]
FUNCTION: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "f",
        "description": "Finds a place.",
        "parameters": {"type": "object", "properties": {"at": {"type": "string", "enum": ["a", "b"]}}},
        "strict": True,
    },
}
SENT: dict[str, Any] = {
    "model": "m",
    "name": " Tutor ",
    "instructions": "Help people.\n",
    "temperature": 0.333333,
    "tools": [FUNCTION],
    "metadata": {"Team": "x "},
}
TOOL = FUNCTION["function"]
PARAMETERS = TOOL["parameters"]


def tool(**changed: Any) -> dict[str, Any]:
    return {"tools": [{**FUNCTION, "function": {**TOOL, **changed}}]}


FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "trimmed": ("name", {"name": "Tutor"}),
    "trimmed at the end": ("instructions", {"instructions": "Help people."}),
    "other case": ("name", {"name": "tutor"}),
    "rounded": ("temperature", {"temperature": 0.33}),
    "single precision": ("temperature", {"temperature": 0.3333333432674408}),
    "an alias resolved": ("model", {"model": "m-2026-11-01"}),
    "another name of the model": ("model", {"model": "sol"}),
    "key in lower case": ("metadata/Team", {"metadata": {"team": "x "}}),
    "a pair trimmed": ("metadata/Team", {"metadata": {"Team": "x"}}),
    "a default filled in": ("tools", tool(parameters={**PARAMETERS, "additionalProperties": False})),
    "nulls added": ("tools", tool(parameters={**PARAMETERS, "required": None, "title": None})),
    "keys in another case": ("tools", tool(parameters={"Type": "object", "properties": PARAMETERS["properties"]})),
    "words in another order": (
        "tools",
        tool(parameters={"type": "object", "properties": {"at": {"type": "string", "enum": ["b", "a"]}}}),
    ),
}
NOT_TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("name", {"name": None}),
    "empty": ("instructions", {"instructions": ""}),
    "the default": ("temperature", {"temperature": 1.0}),
    "null": ("temperature", {"temperature": None}),
    "a pair is missing": ("metadata/Team", {"metadata": {}}),
    "cut": ("instructions", {"instructions": "Help"}),
    "cut with dots": ("instructions", {"instructions": "Help p…"}),
    "a tool is missing": ("tools", {"tools": []}),
    "not strict": ("tools", tool(strict=False)),
    "a description is missing": ("tools", tool(description=None)),
    "no parameters": ("tools", tool(parameters={"type": "object", "properties": {}})),
    "a word is missing": (
        "tools",
        tool(parameters={"type": "object", "properties": {"at": {"type": "string", "enum": ["a"]}}}),
    ),
    "another thing": ("tools", tool(parameters={"type": "object", "properties": []})),
}


def exchanged(answer: dict[str, Any], before: dict[str, Any] | None = None) -> Exchange:
    return Exchange(ASSISTANT, SENT, {**SENT, "id": "asst_1", **answer}, before)


@pytest.mark.parametrize("case", FORMS)
def test_a_form_is_told_as_one(case: str) -> None:
    name, answer = FORMS[case]
    (found,) = answers.differences(exchanged(answer))
    assert (found.taken, "/".join(found.path)) == (True, name)
    assert str(found).startswith(f"the service answered {name} ")
    assert str(found).endswith("its own form of it, and no edit")


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_what_was_not_taken_is_no_form(case: str) -> None:
    name, answer = NOT_TAKEN[case]
    (found,) = answers.differences(exchanged(answer))
    assert (found.taken, "/".join(found.path)) == (False, name)
    assert str(found).endswith("it did not take it")


@pytest.mark.parametrize("name", ("name", "instructions", "temperature", "model"))
def test_what_was_there_before_is_no_form(name: str) -> None:
    old = {"temperature": 0.7}.get(name, "Something else")
    (found,) = answers.differences(exchanged({name: old}, {**SENT, name: old}))
    assert not found.taken
    (found,) = answers.differences(exchanged({name: old}, {**SENT, name: "Yet another"}))
    assert found.taken


def test_a_trimmed_text_is_a_form_though_it_was_there_before() -> None:
    (found,) = answers.differences(exchanged({"name": "Tutor"}, {**SENT, "name": "Tutor"}))
    assert found.taken


def test_what_an_answer_does_not_mention_is_not_told() -> None:
    assert answers.differences(Exchange(ASSISTANT, SENT, {"id": "asst_1"})) == ()


def test_known_normalisations_are_no_change() -> None:
    sent = {"model": "m", "text": {"format": {"type": "text"}}, "metadata": {}}
    answer = {"model": "m", "text": {"format": {"type": "text"}, "verbosity": "medium"}, "metadata": {}}
    assert answers.differences(Exchange(AGENT, sent, answer)) == ()


def test_what_is_said_is_short_and_readable() -> None:
    (found,) = answers.differences(Exchange(ASSISTANT, {"name": "수" * 60}, {"name": "원"}))
    assert str(found).startswith(f'the service answered name "원" where "{"수" * 39}… was sent')


@pytest.mark.parametrize(("answered", "taken"), ((None, None), (1.0, None), (0.7, True), (0.2, False)))
def test_null_asks_for_whatever_the_service_has_by_itself(answered: float | None, taken: object) -> None:
    sent, before = {"model": "m", "temperature": None}, {"model": "m", "temperature": 0.2}
    found = answers.differences(Exchange(ASSISTANT, sent, {**sent, "temperature": answered}, before))
    assert [one.taken for one in found] == ([] if taken is None else [taken])


def stamped(**attrs: Any) -> dict[str, Any]:
    mark = stamp.write("test", Address("assistant", "a"), ASSISTANT.express(attrs).attrs, "")
    return {**attrs, "metadata": {**attrs.get("metadata", {}), **mark}}


def test_the_stamp_remembers_the_form_and_no_more_than_that() -> None:
    body = stamped(model="m", name=" Tutor ", metadata={"team": "x"})
    exchange = Exchange(ASSISTANT, body, {**body, "id": "asst_1", "name": "Tutor"})
    found = answers.differences(exchange)
    again = answers.corrected(exchange, found)
    assert again is not None
    assert again.fields.keys() == {"model", "metadata"}
    assert stamp.without(again.fields["metadata"]) == {"team": "x"}
    mark = stamp.of(again.fields)
    assert mark is not None
    assert mark.forms == {stamp.name_of(("name",)): stamp.ServiceForm.of("Tutor")}
    assert mark.digests == stamp.of(body).digests  # type: ignore[union-attr]
    known = Exchange(ASSISTANT, {**body, **again.fields}, {**body, **again.fields, "name": "Tutor"})
    assert answers.corrected(known, found) is None
    assert list(answers.news(known, found)) == []


def test_a_stamp_with_a_form_of_every_field_fits_the_api() -> None:
    pairs = {f"{'k' * 60}{number:02}": "v" * 512 for number in range(13)}
    fields = {**{name: name for name in ASSISTANT.defaults}, "metadata": pairs}
    digests = stamp.applied(stamp.fields(fields))
    forms = {name: stamp.ServiceForm.of(name) for name in digests}
    text = stamp.summary(digests, forms, protect=True)
    assert len(digests) == len(ASSISTANT.defaults) + 13
    assert len(text) <= 512
    read = stamp.read({"deployer": "test/assistant/a", "deployer_applied": text})
    assert read is not None
    assert read.protected
    assert all(read.forms[name].is_of(name) for name in digests)
    assert all(
        stamp.same_content(read.digests[stamp.name_of(path)], value) for path, value in stamp.fields(fields).items()
    )


@pytest.mark.parametrize(
    ("sent", "live", "alike"),
    (
        ({"model": "m"}, {"model": "m"}, True),
        ({"model": "m"}, {"model": "n"}, False),
        ({"model": "m"}, {"model": "m", "temperature": 1.0}, True),
        ({"model": "m", "temperature": 1.0}, {"model": "m"}, True),
        ({"model": "m"}, {"model": "m", "temperature": 0.5}, False),
        ({"model": "m", "temperature": 0.333333}, {"model": "m", "temperature": 0.33}, True),
        ({"model": "m", "temperature": 0.5}, {"model": "m"}, False),
        ({"model": "m", "name": " Tutor "}, {"model": "m", "name": "tutor"}, True),
        ({"model": "m", "name": "Tutor"}, {"model": "m", "name": None}, False),
        ({"model": "m", "name": ""}, {"model": "m", "name": None}, True),
        ({"model": "m", "metadata": {"team": "x"}}, {"model": "m", "metadata": {"other": "y"}}, True),
    ),
)
def test_whether_an_object_without_metadata_could_be_what_was_sent(
    sent: dict[str, Any], live: dict[str, Any], *, alike: bool
) -> None:
    assert answers.is_alike(Exchange(ASSISTANT, sent, live)) is alike


NARROW, WIDE = (
    {"max_chunk_size_tokens": 9, "chunk_overlap_tokens": 1},
    {"max_chunk_size_tokens": 8, "chunk_overlap_tokens": 1},
)
MEMBER = LiveFile("file_1", "a.md", "a", "completed", 1, 1)
ANSWERED: tuple[tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any], list[tuple[str, Any, Any, bool]]], ...] = (
    ({"level": 1}, None, {"attributes": {"level": 1}}, []),
    ({"level": 1}, None, {"attributes": {"level": 1.0, "more": "x"}}, []),
    ({"level": 1}, None, {"attributes": {"level": "1"}}, [("attributes/level", 1, "1", True)]),
    ({"level": 1}, None, {"attributes": {"level": 2}}, [("attributes/level", 1, 2, True)]),
    (
        {"level": "long text"},
        None,
        {"attributes": {"level": "long"}},
        [("attributes/level", "long text", "long", False)],
    ),
    ({"level": 1}, None, {"attributes": {}}, [("attributes/level", 1, None, False)]),
    ({"Level": 1}, None, {"attributes": {"level": 1}}, [("attributes/Level", 1, 1, True)]),
    ({}, NARROW, {"chunking": NARROW}, []),
    ({}, NARROW, {"chunking": None}, []),
    ({}, None, {"chunking": dict(vector_store.AUTO)}, []),
    ({}, NARROW, {"chunking": WIDE}, [("chunking", NARROW, WIDE, True)]),
    ({}, NARROW, {"chunking": dict(vector_store.AUTO)}, [("chunking", NARROW, dict(vector_store.AUTO), False)]),
    (
        {"a": 1, "b": 2},
        NARROW,
        {"attributes": {"a": "1", "b": "2"}, "chunking": WIDE},
        [("attributes/a", 1, "1", True), ("attributes/b", 2, "2", True), ("chunking", NARROW, WIDE, True)],
    ),
)


@pytest.mark.parametrize(("attributes", "chunking", "has", "told"), ANSWERED)
def test_what_a_membership_has_otherwise_than_it_was_sent(
    attributes: dict[str, Any],
    chunking: dict[str, Any] | None,
    has: dict[str, Any],
    told: list[tuple[str, Any, Any, bool]],
) -> None:
    found = answers.of_document(attributes, chunking, replace(MEMBER, **has))
    assert [("/".join(one.path), one.sent, one.answered, one.taken) for one in found] == told
    sent = {**attributes, vector_store.DECLARED_KEY: stamp.written(stamp.applied(attributes))}
    entries = stamp.parsed(answers.stamped_document(sent, found)[vector_store.DECLARED_KEY])
    names = {name: vector_store.CHUNKING if name == "chunking" else name.partition("/")[2] for name, *_ in told}
    forms = {stamp.name_of(names[name]): (was, now, taken) for name, was, now, taken in told}
    assert set(entries) == {*map(stamp.name_of, attributes), *forms}
    for short, entry in entries.items():
        digest, form = stamp.read_entry(entry)
        was, now, taken = forms.get(short, (None, None, None))
        assert form == (stamp.ServiceForm.of(now, taken=bool(taken)) if short in forms else None)
        assert short not in forms or digest == stamp.digest(was)


def test_a_form_that_is_gone_is_forgotten_and_news_are_told_once() -> None:
    """What is answered as it was sent has no form any more; another form than the known one is told."""
    body = stamped(model="m", name="Tutor")
    short = stamp.name_of(("name",))
    mark = stamp.of(body)
    assert mark is not None
    known = {short: stamp.ServiceForm.of("tutor")}
    pairs = stamp.write(
        "test", Address("assistant", "a"), ASSISTANT.express({"model": "m", "name": "Tutor"}).attrs, "", forms=known
    )
    planned = {**body, "metadata": pairs}
    as_sent = Exchange(ASSISTANT, planned, planned)
    again = answers.corrected(as_sent, answers.differences(as_sent))
    assert again is not None
    corrected = stamp.of(again.fields)
    assert corrected is not None
    assert (corrected.forms, corrected.digests) == ({}, mark.digests)
    silent = Exchange(ASSISTANT, planned, {"id": "asst_1", "metadata": pairs})
    assert answers.corrected(silent, answers.differences(silent)) is None, "what is not mentioned stays as it was"
    for name, told in (("tutor", []), ("TUTOR", ["TUTOR"]), ("", [""])):
        exchange = Exchange(ASSISTANT, planned, {**planned, "name": name})
        news = answers.news(exchange, answers.differences(exchange))
        assert [one.answered or "" for one in news] == told


@pytest.mark.parametrize(("answered", "taken"), (("Old words.", False), ("Other words.", True)))
def test_a_part_that_is_as_it_was_before_was_not_taken(answered: str, *, taken: bool) -> None:
    before, sent, answer = ({**SENT, **tool(description=text)} for text in ("Old words.", "New words.", answered))
    (found,) = answers.differences(Exchange(ASSISTANT, sent, answer, before))
    assert found.taken is taken
