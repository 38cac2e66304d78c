"""What the tutorials do, done with the `openai` client over HTTP against `deployer serve`.

The steps are those of "Assistants API 사용 방법 알아보기" and of "GPT-4o에서 custom function 사용", as far as they
concern what is deployed; the v1 parts (`retrieval`, `file_ids` of an assistant) are written as v2 has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai.types.beta.assistant_tool_param import AssistantToolParam

from deployer.server import BackgroundServer
from tests.contract.served import Served, serve
from tests.support.project import Project

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK's view of assistants
INSTRUCTIONS = "너는 개인 수학 교사야. 질문에 한 문장 이하로 짧게 답해줘"
CITY_PLAN = "# 수원도시계획\n\n수원시 용도지역은 주거지역, 상업지역, 공업지역, 녹지지역으로 나뉜다.\n"
DISPLAY_QUIZ: dict[str, object] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "questions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "question_text": {"type": "string"},
                    "question_type": {"type": "string", "enum": ["MULTIPLE_CHOICE", "FREE_RESPONSE"]},
                    "choices": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["question_text"],
            },
        },
    },
    "required": ["title", "questions"],
}
CODE: AssistantToolParam = {"type": "code_interpreter"}
SEARCH: AssistantToolParam = {"type": "file_search"}
QUIZ: AssistantToolParam = {
    "type": "function",
    "function": {"name": "display_quiz", "description": "학생에게 퀴즈를 표시합니다.", "parameters": DISPLAY_QUIZ},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as one:
        yield one


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    """A client that believes nothing: an answer that does not fit the SDK's types is an error."""
    options = {"_strict_response_validation": True}
    with openai.OpenAI(base_url=served.base_url, api_key="any", max_retries=0, **options) as one:  # type: ignore[arg-type]
        yield one


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "수원도시계획.md"
    path.write_text(CITY_PLAN, encoding="utf-8")
    return path


def test_the_math_tutor_is_made_and_given_tool_after_tool(client: openai.OpenAI, document: Path) -> None:
    made = client.beta.assistants.create(name="Math Tutor", instructions=INSTRUCTIONS, model="gpt-6-luna")
    assert (made.object, made.instructions, made.tools, made.metadata) == ("assistant", INSTRUCTIONS, [], {})

    with_code = client.beta.assistants.update(made.id, tools=[CODE])
    assert [tool.type for tool in with_code.tools] == ["code_interpreter"]

    with document.open("rb") as content:
        file = client.files.create(file=content, purpose="assistants")
    assert (file.filename, file.bytes) == ("수원도시계획.md", len(CITY_PLAN.encode()))
    store = client.vector_stores.create(name="수원도시계획")
    attached = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assert (attached.status, attached.last_error) == ("completed", None)
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    searching = client.beta.assistants.update(made.id, tools=[CODE, SEARCH], tool_resources=resources)  # type: ignore[arg-type]
    assert [tool.type for tool in searching.tools] == ["code_interpreter", "file_search"]

    client.beta.assistants.update(made.id, tools=[CODE, SEARCH, QUIZ])
    final = client.beta.assistants.retrieve(made.id)
    assert [tool.type for tool in final.tools] == ["code_interpreter", "file_search", "function"]
    quiz = final.tools[2]
    assert quiz.type == "function"
    assert quiz.function.parameters == DISPLAY_QUIZ
    assert (final.name, final.instructions) == ("Math Tutor", INSTRUCTIONS)
    assert final.tool_resources
    assert final.tool_resources.file_search
    assert final.tool_resources.file_search.vector_store_ids == [store.id]
    assert made.id in [one.id for one in client.beta.assistants.list(limit=1)]


def test_the_quiz_generator_finds_what_was_uploaded(client: openai.OpenAI, document: Path) -> None:
    store = client.vector_stores.create(name="수원도시계획")
    with document.open("rb") as content:
        batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=[content])
    assert (batch.status, batch.file_counts.completed, batch.file_counts.failed) == ("completed", 1, 0)
    found = client.vector_stores.search(store.id, query="용도지역").data
    assert [(one.filename, one.content[0].text.strip()) for one in found] == [("수원도시계획.md", CITY_PLAN.strip())]
    assert not client.vector_stores.search(store.id, query="미분방정식").data
    assistant = client.beta.assistants.create(
        name="Quiz Generator",
        instructions="You are an expert in generating multiple choice quizzes.",
        model="gpt-6-luna",
        tools=[SEARCH, QUIZ],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    assert client.beta.assistants.delete(assistant.id).deleted
    with pytest.raises(openai.NotFoundError, match=assistant.id):
        client.beta.assistants.retrieve(assistant.id)


def test_a_mistake_is_told_in_the_real_api_s_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.assistants.create(model="m", tools=[{"type": "function", "function": {"name": "no spaces"}}])
    assert caught.value.param == "tools[0].function.name"
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.assistants.create(model="m", name="n" * 257)
    assert (caught.value.param, caught.value.code) == ("name", "string_above_max_length")


@pytest.mark.parametrize("api", ("assistants", "agents"))
def test_what_apply_deployed_is_read_with_typed_calls(
    example: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str
) -> None:
    monkeypatch.setenv("SERVED_KEY", "any")
    manifest = example.root / "assistants.yaml"
    with BackgroundServer(tmp_path / "account") as server:
        text = manifest.read_text(encoding="utf-8")
        fields = f'{{api: {api}, base_url: "{server.base_url}", api_key: "${{env.SERVED_KEY}}"}}'
        manifest.write_text(text.replace("accounts:\n", f"accounts:\n  served: {fields}\n"), encoding="utf-8")
        applied = example.run("apply", "--yes", "--account", "served")
        assert applied.code == 0, applied.out + applied.err
        ids = example.run("outputs", "--account", "served", "--format", "json").json()
        with openai.OpenAI(base_url=server.base_url, api_key="any", _strict_response_validation=True) as client:
            store = client.vector_stores.retrieve(ids["vector_store/city-plan"])
            assert (store.name, store.status, store.file_counts.failed) == ("수원도시계획", "completed", 0)
            found = client.vector_stores.search(store.id, query="용도지역").data
            assert "용도지역.md" in [one.filename for one in found]
            read = _assistant if api == "assistants" else _agent
            read(client, ids["assistant/math-tutor"])


def _assistant(client: openai.OpenAI, live_id: str) -> None:
    tutor = client.beta.assistants.retrieve(live_id)
    assert (tutor.name, tutor.model) == ("Math Tutor", "gpt-6-luna")
    assert [tool.type for tool in tutor.tools] == ["code_interpreter", "file_search", "function"]
    quiz = tutor.tools[2]
    assert quiz.type == "function"
    assert quiz.function.parameters
    assert list(quiz.function.parameters["properties"]) == ["title", "questions"]  # type: ignore[call-overload]
    assert quiz.function.description
    assert quiz.function.description.startswith("학생에게 퀴즈를 표시")


def _agent(client: openai.OpenAI, live_id: str) -> None:
    tutor = client.beta.agents.retrieve(live_id)
    assert (tutor.name, tutor.model) == ("Math Tutor", "gpt-6-luna")
    (quiz,) = tutor.tools
    assert quiz.type == "function"
    assert quiz.description.startswith("학생에게 퀴즈를 표시")
