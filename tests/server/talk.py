"""What the tests of conversations share: an account that plays a script, and the real SDK as its client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from deployer.server import BackgroundServer, EmbeddedAccount, Rehearsal, read_script
from tests.server.support import Clock

FUNCTION: Any = {
    "type": "function",
    "function": {
        "name": "pick",
        "parameters": {
            "type": "object",
            "properties": {"colour": {"type": "string", "enum": ["red", "blue"]}, "times": {"type": "integer"}},
            "required": ["colour"],
        },
    },
}
SEARCH: Any = {"type": "file_search"}
CODE: Any = {"type": "code_interpreter"}


def rehearsal(*turns: dict[str, Any], folder: Path = Path()) -> Rehearsal:
    return Rehearsal(read_script({"version": 1, "turns": list(turns)}, folder))


@dataclass
class Talk:
    """A served account and a client that believes nothing: an answer outside of the SDK's types is an error."""

    client: openai.OpenAI
    account: EmbeddedAccount
    clock: Clock

    def assistant(self, **fields: Any) -> str:
        given = {"model": "gpt-6-luna", "instructions": "Answer."} | fields
        return self.client.beta.assistants.create(**given).id

    def thread(self, *said: str) -> str:
        messages: Any = [{"role": "user", "content": text} for text in said]
        return self.client.beta.threads.create(messages=messages).id

    def store(self, **documents: str) -> str:
        """A vector store with documents: their names without `.txt`, and their texts."""
        files: Any = [(f"{name}.txt", text.encode()) for name, text in documents.items()]
        store = self.client.vector_stores.create(name="documents")
        batch = self.client.vector_stores.file_batches.upload_and_poll(store.id, files=files)
        assert batch.file_counts.completed == len(documents)
        return store.id

    def said(self, thread_id: str) -> list[str]:
        """All that was said in a thread, oldest first."""
        return [text_of(message) for message in self.client.beta.threads.messages.list(thread_id, order="asc")]


def text_of(message: Any) -> str:
    return "".join(part.text.value for part in message.content if part.type == "text")


@contextmanager
def talking(folder: Path, *turns: dict[str, Any], **options: Any) -> Iterator[Talk]:
    clock = Clock()
    answers = options.pop("answers", None) or rehearsal(*turns)
    with (
        BackgroundServer(folder, answers=answers, clock=clock, **options) as server,
        openai.OpenAI(
            base_url=server.base_url,
            api_key="any",
            max_retries=0,
            timeout=20,
            _strict_response_validation=True,
        ) as client,
    ):
        yield Talk(client, server.account, clock)
