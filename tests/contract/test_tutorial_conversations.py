"""The tutorials' conversations, step by step, with the `openai` client against `deployer serve --script`.

The example is deployed first, so the assistants, documents and functions are those of `assistants.yaml`; its script
stands in for the model. What the tutorials do in the words of v1 is done as v2 has it, and refused in those of v1.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.conftest import EXAMPLE
from tests.contract.served import serve
from tests.support.project import Project


@dataclass
class Tutorial:
    """The client, and the live ids of what was deployed."""

    client: openai.OpenAI
    ids: dict[str, str]

    def ask(self, assistant: str, text: str) -> tuple[Any, Any]:
        thread = self.client.beta.threads.create()
        self.client.beta.threads.messages.create(thread_id=thread.id, role="user", content=text)
        return thread, self.run(thread, assistant)

    def run(self, thread: Any, assistant: str) -> Any:
        return self.client.beta.threads.runs.create(
            thread_id=thread.id, assistant_id=self.ids[f"assistant/{assistant}"]
        )

    def wait(self, run: Any, thread: Any) -> Any:
        """The tutorial's own polling loop."""
        while run.status in ("queued", "in_progress"):
            run = self.client.beta.threads.runs.retrieve(thread_id=thread.id, run_id=run.id)
            time.sleep(0.01)
        return run

    def said(self, thread: Any, **where: Any) -> list[str]:
        messages = self.client.beta.threads.messages.list(thread_id=thread.id, order="asc", **where)
        return [part.text.value for message in messages for part in message.content if part.type == "text"]


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tutorial]:
    folder = tmp_path_factory.mktemp("tutorial")
    project = Project(folder)
    project.copy(EXAMPLE, ("assistants.yaml", "rehearsal.yaml", "prompts", "functions", "knowledge"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert project.run("apply", "--yes", "--account", "embedded").code == 0
        ids = project.run("outputs", "--account", "embedded", "--format", "json").json()
    script = str(project.root / "rehearsal.yaml")
    options: Any = {"_strict_response_validation": True}
    with (
        serve(project.root / ".deployer" / "account", "--script", script) as one,
        openai.OpenAI(base_url=one.base_url, api_key="any", max_retries=0, **options) as client,
    ):
        yield Tutorial(client, ids)


def test_a_question_a_polling_loop_and_what_came_after(tutorial: Tutorial) -> None:
    thread, run = tutorial.ask("math-tutor", "방정식 '3x + 11 = 14'를 풀어줘")
    assert (run.status, run.required_action, run.usage) == ("queued", None, None)
    assert tutorial.wait(run, thread).status == "completed"
    assert tutorial.said(thread) == ["방정식 '3x + 11 = 14'를 풀어줘", "x = 1"]
    message = tutorial.client.beta.threads.messages.create(thread.id, role="user", content="설명해 주시겠어요?")
    tutorial.wait(tutorial.run(thread, "math-tutor"), thread)
    assert tutorial.said(thread, after=message.id) == [
        "양변에서 11을 빼면 3x = 3이고, 양변을 3으로 나누면 x = 1입니다."
    ]


def test_several_threads_at_once(tutorial: Tutorial) -> None:
    questions = (
        "방정식 '3x + 11 = 14'를 풀어줘",
        "선형대수에 대해 설명해줘",
        "나는 수학을 싫어해. 어떻게 하면 좋을까?",
    )
    begun = [tutorial.ask("math-tutor", question) for question in questions]
    answers = []
    for thread, run in begun:
        assert tutorial.wait(run, thread).status == "completed"
        answers.append(tutorial.said(thread)[1])
    assert answers[0] == "x = 1"
    assert answers[1].endswith("분야입니다【4:0†linear-algebra.md】.")
    assert answers[2] == "생활 속의 작은 문제부터 시작해 보세요."
    thread = begun[2][0]
    tutorial.client.beta.threads.messages.create(thread.id, role="user", content="고마워")
    tutorial.wait(tutorial.run(thread, "math-tutor"), thread)
    assert tutorial.said(thread)[-1] == "언제든지 다시 물어보세요!"


def test_code_and_its_steps(tutorial: Tutorial) -> None:
    thread, run = tutorial.ask("math-tutor", "코드를 사용하여 처음 20개의 피보나치 숫자를 생성해줘")
    run = tutorial.wait(run, thread)
    assert tutorial.said(thread)[1].endswith("2584, 4181입니다.")
    steps = tutorial.client.beta.threads.runs.steps.list(thread_id=thread.id, run_id=run.id, order="asc").data
    assert [step.step_details.type for step in steps] == ["tool_calls", "message_creation"]
    assert steps[0].step_details.type == "tool_calls"
    call = steps[0].step_details.tool_calls[0]
    assert call.type == "code_interpreter"
    assert call.code_interpreter.input.startswith("series = [0, 1]")
    [output] = call.code_interpreter.outputs
    assert output.type == "logs"
    assert output.logs.endswith("4181]")


def test_an_uploaded_document_is_searched(tutorial: Tutorial) -> None:
    path = EXAMPLE / "knowledge" / "math" / "formula-sheet.pdf"
    with path.open("rb") as content:
        file = tutorial.client.files.create(file=content, purpose="assistants")
    store = tutorial.client.vector_stores.create(name="formulas")
    attached = tutorial.client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assert attached.status == "completed"
    resources: Any = {"file_search": {"vector_store_ids": [store.id]}}
    reader = tutorial.client.beta.assistants.create(
        name="Reader",
        model="gpt-6-luna",
        instructions="Read.",
        tools=[{"type": "file_search"}],
        tool_resources=resources,
    )
    text = tutorial.client.vector_stores.files.content(file.id, vector_store_id=store.id).data[0].text or ""
    words = " ".join(text.split()[:3])
    thread = tutorial.client.beta.threads.create(messages=[{"role": "user", "content": words}])
    run = tutorial.client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=reader.id)
    message = tutorial.client.beta.threads.messages.list(thread.id, run_id=run.id).data[0].content[0]
    assert message.type == "text"
    assert message.text.annotations
    assert message.text.annotations[0].type == "file_citation"
    assert message.text.annotations[0].file_citation.file_id == file.id


def display_quiz(title: str, questions: list[dict[str, Any]]) -> list[str]:
    """The first tutorial's function, with its mock answers."""
    assert title
    return ["a" if question.get("question_type") == "MULTIPLE_CHOICE" else "I don't know." for question in questions]


def test_a_quiz_is_shown_and_answered(tutorial: Tutorial) -> None:
    question = (
        "두 가지 질문으로 퀴즈를 만들어줘. 하나는 주관식, 하나는 객관식으로, 그런 다음 답변에 대한 피드백을 보내줘"
    )
    thread, run = tutorial.ask("math-tutor", question)
    run = tutorial.wait(run, thread)
    assert run.status == "requires_action"
    call = run.required_action.submit_tool_outputs.tool_calls[0]
    arguments = json.loads(call.function.arguments)
    assert (call.function.name, arguments["title"]) == ("display_quiz", "수학 퀴즈")
    responses = display_quiz(arguments["title"], arguments["questions"])
    run = tutorial.client.beta.threads.runs.submit_tool_outputs(
        thread_id=thread.id,
        run_id=run.id,
        tool_outputs=[{"tool_call_id": call.id, "output": json.dumps(responses)}],
    )
    assert run.status == "queued"
    assert tutorial.wait(run, thread).status == "completed"
    assert tutorial.said(thread)[-1].startswith("첫째 문제는")
    steps = tutorial.client.beta.threads.runs.steps.list(thread_id=thread.id, run_id=run.id, order="asc").data
    assert steps[0].step_details.type == "tool_calls"
    shown = steps[0].step_details.tool_calls[0]
    assert shown.type == "function"
    assert shown.function.output == json.dumps(["I don't know.", "a"])


def test_a_quiz_about_the_uploaded_documents(tutorial: Tutorial) -> None:
    runs = tutorial.client.beta.threads.runs
    thread = tutorial.client.beta.threads.create()
    tutorial.client.beta.threads.messages.create(
        thread_id=thread.id, role="user", content="3개의 객관식 퀴즈(multiple choice questions)를 만들어 주세요."
    )
    run = runs.create_and_poll(thread_id=thread.id, assistant_id=tutorial.ids["assistant/quiz-generator"])
    assert run.status == "requires_action"
    assert run.required_action
    [call] = run.required_action.submit_tool_outputs.tool_calls
    arguments = json.loads(call.function.arguments)
    assert call.function.name == "generate_quiz"
    assert [len(question["choices"]) for question in arguments["questions"]] == [4, 4, 4]
    run = runs.submit_tool_outputs_and_poll(
        thread_id=thread.id,
        run_id=run.id,
        tool_outputs=[{"tool_call_id": call.id, "output": json.dumps(["2", "4", "1"])}],
    )
    assert run.status == "completed"
    assert run.usage
    assert run.usage.total_tokens > 0
    [feedback] = tutorial.client.beta.threads.messages.list(thread.id, run_id=run.id).data
    part = feedback.content[0]
    assert part.type == "text"
    assert [note.text.rpartition("†")[2] for note in part.text.annotations] == [
        "용도지역.md】",
        "SWOT-분석.md】",
        "수원도시계획-개요.md】",
    ]
    for note in part.text.annotations:
        assert part.text.value[note.start_index : note.end_index] == note.text


def test_the_words_of_v1_are_refused_with_those_of_v2(tutorial: Tutorial) -> None:
    live_id = tutorial.ids["assistant/math-tutor"]
    retrieval: Any = [{"type": "retrieval"}]
    with pytest.raises(openai.BadRequestError, match=r"It is called 'file_search' in v2"):
        tutorial.client.beta.assistants.update(live_id, tools=retrieval)
    with pytest.raises(openai.BadRequestError, match=r"Unknown parameter: 'file_ids'\. In v2, files stand in"):
        tutorial.client.beta.assistants.update(live_id, extra_body={"file_ids": ["file-1"]})


def test_a_script_with_mistakes_is_not_served(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("version: 1\nturns:\n  - answers:\n      - txt: Hello\n    time: 3\n", encoding="utf-8")
    with pytest.raises(AssertionError) as caught, serve(tmp_path / "account", "--script", str(script)):
        pass
    assert f"{script}:5:5: unknown key time; did you mean times?" in str(caught.value)
    assert f"{script}:4:9: a part must have one of text, refusal, " in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    (
        (("--script", "x.yaml", "--upstream", "http://127.0.0.1:1/v1"), "--script and --upstream exclude each other"),
        (("--upstream", "127.0.0.1:1/v1"), "must begin with http:// or https://"),
        (("--upstream", "http://127.0.0.1:1/v1", "--model-map", "a"), "'a' must be FROM=TO, two names of models"),
        (("--upstream", "http://127.0.0.1:1/v1", "--upstream-key-env", "NO_SUCH_KEY"), "NO_SUCH_KEY is not set"),
        (("--script", "none.yaml"), "none.yaml"),
    ),
)
def test_options_that_do_not_go(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(AssertionError, match=message), serve(tmp_path, *arguments):
        pass
