"""langchain: ChatOpenAI on the Responses API, and the runnables of assistants."""

from __future__ import annotations

import warnings
from typing import Any

from checks import Checks, client_options
from langchain_classic.agents.openai_assistant import OpenAIAssistantRunnable
from langchain_community.agents.openai_assistant import OpenAIAssistantV2Runnable
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import OpenAI


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def responses(checks: Checks) -> None:
    model = ChatOpenAI(model="gpt-6-luna", use_responses_api=True, **client_options())
    checks.same("ChatOpenAI", model.invoke("Which colour do you like?").text, "My favourite colour is blue.")
    pieces = [piece.text for piece in model.stream("Which colour do you like?")]
    checks.same("ChatOpenAI, streamed", "".join(pieces), "My favourite colour is blue.")

    asked = HumanMessage("How is the weather?")
    able = model.bind_tools([get_weather])
    called = able.invoke([asked])
    checks.same("ChatOpenAI, a function", [call["args"] for call in called.tool_calls], [{"city": "Suwon"}])
    output = ToolMessage(get_weather.invoke(called.tool_calls[0]["args"]), tool_call_id=called.tool_calls[0]["id"])
    checks.same("… its output", able.invoke([asked, called, output]).text, "It is sunny in Suwon.")

    kept: Any = {"use_previous_response_id": True, "output_version": "responses/v1"}
    keeping = ChatOpenAI(model="gpt-6-luna", **kept, **client_options())
    first = keeping.invoke("Which colour do you like?")
    second = keeping.invoke([HumanMessage("Which colour do you like?"), first, HumanMessage("And which colour else?")])
    checks.same("ChatOpenAI, previous_response_id", second.text, "My favourite colour is blue.")


def assistants(checks: Checks) -> None:
    client = OpenAI(**client_options())
    made = client.beta.assistants.create(model="gpt-6-luna", name="Ada", instructions="Answer.")
    for kind in (OpenAIAssistantRunnable, OpenAIAssistantV2Runnable):
        runnable: Any = kind(client=client, assistant_id=made.id, as_agent=False, check_every_ms=20)
        said = runnable.invoke({"content": "Which colour do you like?"})
        checks.same(kind.__name__, said[0].content[0].text.value, "My favourite colour is blue.")
        again = runnable.invoke({"content": "Which colour do you like?", "thread_id": said[0].thread_id})
        checks.same("… in the same thread", len(list(client.beta.threads.messages.list(said[0].thread_id))), 4)
        checks.same("… its answer", again[0].role, "assistant")

    agent: Any = OpenAIAssistantV2Runnable.create_assistant(
        name="Weather", instructions="Answer.", tools=[get_weather], model="gpt-6-luna", client=client, as_agent=True
    )
    calls = agent.invoke({"content": "How is the weather?"})
    outputs = [{"tool_call_id": call.tool_call_id, "output": get_weather.invoke(call.tool_input)} for call in calls]
    ended = agent.invoke({"tool_outputs": outputs, "run_id": calls[0].run_id, "thread_id": calls[0].thread_id})
    checks.same("OpenAIAssistantV2Runnable, a function", ended.return_values["output"], "It is sunny in Suwon.")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with Checks() as found_out:
        responses(found_out)
        assistants(found_out)
