"""openai-agents: a Runner with a function, streamed, with file search, and with a session that the account keeps."""

from __future__ import annotations

import asyncio

from agents import (
    Agent,
    FileSearchTool,
    OpenAIConversationsSession,
    Runner,
    function_tool,
    set_default_openai_client,
    set_tracing_disabled,
)
from checks import Checks, client_options
from openai import AsyncOpenAI


@function_tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


async def main(checks: Checks) -> None:
    client = AsyncOpenAI(**client_options())
    set_default_openai_client(client, use_for_tracing=False)
    set_tracing_disabled(True)
    agent = Agent(name="Ada", instructions="Answer.", model="gpt-6-luna", tools=[get_weather])
    found = await Runner.run(agent, "How is the weather?")
    checks.same("Runner with a function", found.final_output, "It is sunny in Suwon.")

    streamed = Runner.run_streamed(agent, "Which colour do you like?")
    deltas = [
        event.data.delta
        async for event in streamed.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    checks.same("Runner, streamed", "".join(deltas), "My favourite colour is blue.")

    store = await client.vector_stores.create(name="rabbits")
    document = ("rabbits.txt", b"The rabbit is called Bori.")
    await client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=document)
    searching = FileSearchTool(vector_store_ids=[store.id], include_search_results=True, max_num_results=3)
    reader = Agent(name="Reader", instructions="Read.", model="gpt-6-luna", tools=[searching])
    found = await Runner.run(reader, "What is the rabbit called?")
    checks.same("FileSearchTool", found.final_output, "The rabbit is called Bori.")
    results = [item.raw_item.results for item in found.new_items if item.type == "tool_call_item"]
    checks.same("FileSearchTool: results", results[0][0].filename, "rabbits.txt")

    session = OpenAIConversationsSession(openai_client=client)
    await Runner.run(agent, "How is the weather?", session=session)
    await Runner.run(agent, "Which colour do you like?", session=session)
    kinds = [item.get("type", "message") for item in await session.get_items()]
    wanted = ["message", "function_call", "function_call_output", "message", "message", "message"]
    checks.same("OpenAIConversationsSession", kinds, wanted)
    checks.same("… pop_item", (await session.pop_item() or {}).get("type"), "message")
    await session.clear_session()


if __name__ == "__main__":
    with Checks() as found_out:
        asyncio.run(main(found_out))
