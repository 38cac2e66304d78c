"""openai-python, strict: an answer outside of its types is an error. Each face by the SDK's own helpers."""

from __future__ import annotations

import json
import warnings
from typing import Any

from checks import Checks, client_options
from openai import AssistantEventHandler, OpenAI

WEATHER: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SUNNY = "It is sunny in Suwon."
BLUE = "My favourite colour is blue."


class Pieces(AssistantEventHandler):
    """The text of a run as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def on_text_delta(self, delta: Any, snapshot: Any) -> None:
        self.text += delta.value


def assistants(client: OpenAI, checks: Checks) -> None:
    function: Any = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
    made = client.beta.assistants.create(model="gpt-6-luna", instructions="Answer.", tools=[function])
    threads = client.beta.threads
    said: Any = {"messages": [{"role": "user", "content": "How is the weather?"}]}
    run = threads.create_and_run_poll(assistant_id=made.id, thread=said)
    checks.same("create_and_run_poll", run.status, "requires_action")
    [call] = run.required_action.submit_tool_outputs.tool_calls  # type: ignore[union-attr]
    outputs: Any = [{"tool_call_id": call.id, "output": f"sunny in {json.loads(call.function.arguments)['city']}"}]
    run = threads.runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs)
    checks.same("submit_tool_outputs_and_poll", run.status, "completed")
    [message] = threads.messages.list(run.thread_id, run_id=run.id).data
    checks.same("messages.list", message.content[0].to_dict()["text"]["value"], SUNNY)  # type: ignore[index]
    steps = threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data
    checks.same("steps.list", [step.type for step in steps], ["tool_calls", "message_creation"])

    threads.messages.create(run.thread_id, role="user", content="Which colour do you like?")
    pieces = Pieces()
    with threads.runs.stream(thread_id=run.thread_id, assistant_id=made.id, event_handler=pieces) as stream:
        stream.until_done()
    checks.same("runs.stream", pieces.text, BLUE)


def responses(client: OpenAI, checks: Checks) -> None:
    tool: Any = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": False}
    first = client.responses.create(model="gpt-6-luna", input="How is the weather?", tools=[tool])
    [call] = [item for item in first.output if item.type == "function_call"]
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    second = client.responses.create(model="gpt-6-luna", input=[output], previous_response_id=first.id, tools=[tool])
    checks.same("responses.create, previous_response_id", second.output_text, SUNNY)
    with client.responses.stream(model="gpt-6-luna", input="Which colour do you like?") as stream:
        pieces = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        checks.same("responses.stream", (pieces, stream.get_final_response().output_text), (BLUE, BLUE))
    conversation = client.conversations.create()
    client.responses.create(model="gpt-6-luna", input="Which colour do you like?", conversation=conversation.id)
    kept = [item.type for item in client.conversations.items.list(conversation.id)]
    checks.same("conversations", kept, ["message", "message"])


def sessions(client: OpenAI, checks: Checks) -> None:
    tool: Any = {"type": "function", "name": "get_weather", "description": "Weather.", "parameters": WEATHER}
    agent = client.beta.agents.create(model="gpt-6-luna", name="Ada", tools=[tool])
    every = client.beta.agents.sessions
    with every.create(agent_id=agent.id, environment={"type": "none"}, input="Which colour?", stream=True) as stream:
        result = stream.get_final_result()
    checks.same("sessions.create, streamed", result.output_text, BLUE)
    handlers: Any = {"get_weather": lambda arguments: {"weather": f"sunny in {arguments['city']}"}}
    with every.stream(result.session_id, input="How is the weather?", tool_handlers=handlers) as answered:
        checks.same("sessions.stream with handlers", answered.get_final_result().output_text, SUNNY)
    checks.same("sessions.items.list", len(every.items.list(result.session_id).data), 6)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with Checks() as found_out, OpenAI(**client_options(), _strict_response_validation=True) as one:
        assistants(one, found_out)
        responses(one, found_out)
        sessions(one, found_out)
