"""llama-index: the assistant agent, with a function and with a document."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from checks import Checks, client_options
from llama_index.agent.openai import OpenAIAssistantAgent
from llama_index.core.tools import FunctionTool


def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def main(checks: Checks, folder: Path) -> None:
    options = client_options()
    where = {"api_key": options["api_key"]}
    tools = [FunctionTool.from_defaults(fn=get_weather)]
    agent = OpenAIAssistantAgent.from_new(
        name="Ada", instructions="Answer.", tools=tools, model="gpt-6-luna", run_retrieve_sleep_time=0.05, **where
    )
    checks.same("OpenAIAssistantAgent", str(agent.chat("Which colour do you like?")), "My favourite colour is blue.")
    checks.same("… a function", str(agent.chat("How is the weather?")), "It is sunny in Suwon.")
    checks.same("… the same thread", len(agent.chat_history), 4)

    same = OpenAIAssistantAgent.from_existing(assistant_id=agent.assistant.id, thread_id=agent.thread_id, tools=tools)
    checks.same("from_existing", str(same.chat("Which colour do you like?")), "My favourite colour is blue.")

    document = folder / "rabbits.txt"
    document.write_text("The rabbit is called Bori.", encoding="utf-8")
    reader = OpenAIAssistantAgent.from_new(
        name="Reader",
        instructions="Read.",
        tools=[],
        openai_tools=[{"type": "file_search"}],
        model="gpt-6-luna",
        run_retrieve_sleep_time=0.05,
        **where,
    )
    file_ids = reader.upload_files([str(document)])
    checks.same("upload_files", len(file_ids), 1)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with Checks() as found_out, TemporaryDirectory() as place:
        main(found_out, Path(place))
