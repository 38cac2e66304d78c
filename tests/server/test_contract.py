"""The real SDK with strict validation of answers, on every endpoint."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from tests.server.support import settled

QUIZ: Any = {
    "name": "display_quiz",
    "description": "학생에게 퀴즈를 표시합니다.",
    "parameters": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
}


def client_of(api: TestClient, *, strict: bool = True) -> OpenAI:
    return OpenAI(
        base_url="http://testserver/v1",
        api_key="any",
        http_client=api,
        max_retries=0,
        _strict_response_validation=strict,
    )


@pytest.fixture
def sdk(api: TestClient) -> OpenAI:
    return client_of(api)


def test_files(sdk: OpenAI) -> None:
    file = sdk.files.create(file=("수원도시계획.md", "본문".encode()), purpose="assistants")
    expiring = sdk.files.create(
        file=("b.jsonl", b"{}"),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert expiring.expires_at == expiring.created_at + 3600
    assert sdk.files.retrieve(file.id).filename == "수원도시계획.md"
    assert sdk.files.content(file.id).read().decode() == "본문"
    assert [one.id for one in sdk.files.list(limit=1, order="asc")] == [file.id, expiring.id]
    assert sdk.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.files.retrieve(file.id)
    assert (missing.value.param, missing.value.request_id) == ("id", missing.value.response.headers["x-request-id"])


def test_uploads(sdk: OpenAI) -> None:
    upload = sdk.uploads.upload_file_chunked(
        file=b"abcdefgh",
        filename="큰 파일.txt",
        bytes=8,
        mime_type="text/plain",
        purpose="assistants",
        part_size=3,
    )
    assert upload.file
    assert sdk.files.content(upload.file.id).read() == b"abcdefgh"
    pending = sdk.uploads.create(filename="a", bytes=1, mime_type="text/plain", purpose="assistants")
    assert sdk.uploads.parts.create(pending.id, data=b"a").upload_id == pending.id
    assert sdk.uploads.cancel(pending.id).status == "cancelled"


def test_vector_stores(sdk: OpenAI) -> None:
    store = sdk.vector_stores.create(name="수원도시계획", expires_after={"anchor": "last_active_at", "days": 7})
    file = sdk.vector_stores.files.upload_and_poll(
        vector_store_id=store.id,
        file=("a.md", "용도지역은 넷이다".encode()),
        attributes={"path": "a.md", "n": 1.5},
    )
    assert (file.status, file.attributes) == ("completed", {"path": "a.md", "n": 1.5})
    assert sdk.vector_stores.retrieve(store.id).file_counts.completed == 1
    [result] = sdk.vector_stores.search(
        store.id,
        query="용도지역",
        filters={"type": "eq", "key": "path", "value": "a.md"},
    )
    assert (result.filename, result.content[0].text) == ("a.md", "용도지역은 넷이다")
    [content] = sdk.vector_stores.files.content(file.id, vector_store_id=store.id)
    assert content.text == "용도지역은 넷이다"
    changed = sdk.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"n": 2})
    assert changed.attributes == {"n": 2}
    assert [one.id for one in sdk.vector_stores.files.list(store.id, filter="completed")] == [file.id]
    assert sdk.vector_stores.files.delete(file.id, vector_store_id=store.id).deleted
    assert sdk.vector_stores.update(store.id, name="b", metadata={"a": "b"}).metadata == {"a": "b"}
    assert [one.id for one in sdk.vector_stores.list(limit=1)] == [store.id]
    assert sdk.vector_stores.delete(store.id).deleted


def test_a_failed_file_says_why(sdk: OpenAI) -> None:
    store = sdk.vector_stores.create(name="n")
    file = sdk.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.exe", b"MZ"))
    assert file.status == "failed"
    assert file.last_error
    assert file.last_error.code == "unsupported_file"


def test_batches(api: TestClient, sdk: OpenAI) -> None:
    # Recorded answers have the object `vector_store.file_batch`; the SDK's type says `files_batch`.
    lenient = client_of(api, strict=False)
    store = sdk.vector_stores.create(name="n")
    files = [sdk.files.create(file=(f"{n}.txt", b"text %d" % n), purpose="assistants").id for n in range(3)]
    batch = lenient.vector_stores.file_batches.create_and_poll(store.id, file_ids=files)
    assert (batch.status, batch.file_counts.completed) == ("completed", 3)
    members = sdk.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, limit=2, order="asc")
    assert [member.id for member in members] == files
    assert lenient.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id).status == "completed"


def test_a_file_in_progress(idle: TestClient) -> None:
    sdk = client_of(idle)
    file = sdk.files.create(file=("a.txt", b"text"), purpose="assistants")
    store = sdk.vector_stores.create(name="n", file_ids=[file.id])
    assert (store.status, store.file_counts.in_progress) == ("in_progress", 1)
    assert sdk.vector_stores.files.retrieve(file.id, vector_store_id=store.id).status == "in_progress"


def test_assistants(api: TestClient, sdk: OpenAI) -> None:
    file = sdk.files.create(file=("a.txt", b"text"), purpose="assistants")
    assistant = sdk.beta.assistants.create(
        model="gpt-6-luna",
        name="Math Tutor",
        temperature=1,
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}, {"type": "function", "function": QUIZ}],
        tool_resources={"file_search": {"vector_stores": [{"file_ids": [file.id]}]}},
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    )
    assert assistant.tool_resources
    assert assistant.tool_resources.file_search
    [store_id] = assistant.tool_resources.file_search.vector_store_ids or []
    assert settled(api, store_id)["file_counts"]["completed"] == 1
    updated = sdk.beta.assistants.update(assistant.id, instructions="친절하게", metadata={"a": "b"})
    assert (updated.instructions, updated.tools) == ("친절하게", assistant.tools)
    assert sdk.beta.assistants.retrieve(assistant.id) == updated
    more = [sdk.beta.assistants.create(model="m").id for _ in range(4)]
    assert [one.id for one in sdk.beta.assistants.list(limit=2, order="asc")] == [assistant.id, *more]
    assert sdk.beta.assistants.delete(assistant.id).deleted


def test_what_is_invalid_names_its_field(sdk: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.beta.assistants.create(model="m", name="n" * 257)
    assert (refused.value.param, refused.value.code) == ("name", "string_above_max_length")
    assert refused.value.type == "invalid_request_error"


def test_agents(sdk: OpenAI) -> None:
    tools: Any = [
        {"type": "function", **QUIZ},
        {"type": "mcp", "server_label": "s", "transport": {"type": "stdio", "command": "c", "cwd": "/w"}},
        {"type": "web_search"},
        {"type": "tool_search"},
        {"type": "programmatic_tool_calling"},
        {"type": "computer_use"},
        {"type": "automations"},
    ]
    agent = sdk.beta.agents.create(
        model="gpt-6-luna",
        name="Quiz Generator",
        metadata={"team": "education"},
        tools=tools,
        text={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    )
    assert [tool.type for tool in agent.tools] == [tool["type"] for tool in tools]
    updated = sdk.beta.agents.update(agent.id, instructions="친절하게", multi_agent={"enabled": True})
    assert (updated.instructions, updated.tools) == ("친절하게", agent.tools)
    assert sdk.beta.agents.retrieve(agent.id) == updated
    more = [sdk.beta.agents.create(model="m").id for _ in range(4)]
    assert [one.id for one in sdk.beta.agents.list(limit=2, order="asc")] == [agent.id, *more]
    assert sdk.beta.agents.delete(agent.id).deleted
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.beta.agents.retrieve(agent.id)
    assert missing.value.code == "not_found_error"


def test_models(sdk: OpenAI) -> None:
    dates = {model.id: model.shutdown_date for model in sdk.models.list()}
    assert (dates["gpt-4o"], dates["gpt-6-luna"]) == ("2027-01-14", None)
    assert sdk.models.retrieve("gpt-5").shutdown_date == "2026-12-11"
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.models.retrieve("gpt-5.1-mini")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.PermissionDeniedError):
        sdk.models.delete("gpt-4o")


def test_the_asynchronous_client_on_the_application_itself(account: EmbeddedAccount) -> None:
    async def run() -> list[str]:
        transport = httpx2.ASGITransport(app=account.app)
        async with AsyncOpenAI(
            base_url="http://embedded/v1",
            api_key="any",
            http_client=httpx2.AsyncClient(transport=transport),
            _strict_response_validation=True,
        ) as sdk:
            await asyncio.gather(*(sdk.beta.assistants.create(model="m", name=str(n)) for n in range(30)))
            return [assistant.name or "" async for assistant in sdk.beta.assistants.list(limit=7)]

    assert sorted(asyncio.run(run()), key=int) == [str(n) for n in range(30)]
