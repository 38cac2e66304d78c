"""The face of the Responses API, with the parameters that a bundle holds, over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from deployer.backends.http.client import connect
from deployer.backends.http.dialogue import HttpDialogue
from deployer.conversation import (
    FunctionAnswered,
    Happening,
    MessageSaid,
    TextPiece,
    TurnEnded,
    first_of,
    from_outputs,
    talk,
)
from deployer.conversation.faces import ResponseFace
from deployer.errors import AccountError
from deployer.model import AccountSettings
from tests.server.talk import FUNCTION, SEARCH, talking

CALL: dict[str, Any] = {"answers": [{"call": "pick", "arguments": {"colour": "red"}}]}
PICKED: dict[str, Any] = {"answers": [{"text": "It is picked."}]}
FOUND: dict[str, Any] = {"answers": [{"search": "bread"}, {"text": "Bread【food.txt】."}]}


async def happened(face: ResponseFace, *texts: str) -> list[Happening]:
    await face.start()
    answer = first_of(from_outputs({"pick": "done"}))
    return [one for text in texts for one in [each async for each in talk(face, text, answer)]]


async def spoken(url: str, parameters: dict[str, Any], documents: dict[str, str], thread: str, *texts: str) -> Any:
    async with connect(AccountSettings("served", "responses", base_url=url, api_key="any"), {}) as client:
        face = ResponseFace(HttpDialogue(client), parameters, documents, thread)
        return await happened(face, *texts), face.thread


def test_calls_and_sources(tmp_path: Path) -> None:
    with talking(tmp_path, CALL, PICKED, FOUND) as talk_:
        store, url = talk_.store(food="bread is good"), str(talk_.client.base_url)
        file_id = talk_.client.files.list().data[0].id
        tools = [{"type": "function", **FUNCTION["function"]}, SEARCH | {"vector_store_ids": [store]}]
        parameters = {"model": "m", "tools": tools}
        found, thread = asyncio.run(spoken(url, parameters, {file_id: "docs/food.txt"}, "", "Pick", "Bread?"))
    assert thread.startswith("conv_")
    assert [one.answer.output for one in found if isinstance(one, FunctionAnswered)] == ["done"]
    assert [one.text for one in found if isinstance(one, MessageSaid)] == ["Pick", "It is picked.", "Bread?", "Bread."]
    assert [c.source for one in found if isinstance(one, MessageSaid) for c in one.citations] == ["docs/food.txt"]
    assert [one for one in found if isinstance(one, TurnEnded)] == [TurnEnded("completed")] * 2
    assert len([one for one in found if isinstance(one, TextPiece)]) > 2


def test_a_response_goes_on_as_responses(tmp_path: Path) -> None:
    with talking(tmp_path, {"times": "any", "answers": [{"text": "Yes."}]}) as talk_:
        url, first = str(talk_.client.base_url), talk_.client.responses.create(model="m", input="Hello")
        _, last = asyncio.run(spoken(url, {"model": "m"}, {}, first.id, "And?"))
        assert talk_.client.responses.retrieve(last).previous_response_id == first.id
        with pytest.raises(AccountError, match="resp_none"):
            asyncio.run(spoken(url, {"model": "m"}, {}, "resp_none", "And?"))
