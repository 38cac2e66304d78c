"""A real model as what answers: any endpoint that speaks chat completions (Ollama, vLLM, llama.cpp, a hosted one).

Searching files is done here, before the model is asked: what was found stands in its instructions, with markers by
which it may cite. A model that cannot call functions answers in JSON instead, constrained by a schema that allows the
functions and a plain answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer.server.runs import answers
from deployer.server.runs.answers import Answerer, AnswerError, Part, Question
from deployer.server.runs.rehearsal import citation
from deployer.server.runs.script import MARKER
from deployer.server.runs.turn import Usage
from deployer.server.wire import Json

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 10.0
QUIET_SECONDS = 120.0  # how long a model may be silent: a large one on a small machine reads for a while
_LONGEST_MARKER = 300
_STOPS = {"length": "max_output_tokens", "content_filter": "content_filter"}
_NO_TOOLS = re.compile(r"tool|function", re.IGNORECASE)
_CITE = "\n\nPassages from the files, each after its marker. Cite a passage by its marker, right after what it says:"
_CHOOSE = (
    '\n\nAnswer with JSON only: either {"answer": "…"}, or a call of one of these functions as '
    '{"function": "name", "arguments": {…}}:'
)


@dataclass
class Upstream(Answerer):
    """An endpoint below `base_url`, such as `http://127.0.0.1:11434/v1`.

    `model` is asked in the place of every model that `models` does not name; without it, models keep their names.
    `calls` is how functions are called: `native`, `json`, or `auto`: native until the endpoint refuses that.
    """

    base_url: str
    key: str | None = None
    model: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    calls: str = "auto"
    quiet: float = QUIET_SECONDS
    _client: httpx2.AsyncClient | None = None
    _without_tools: set[str] = field(default_factory=set)

    async def answer(self, question: Question) -> AsyncGenerator[Part, None]:
        ask = question.turn.ask
        tool = ask.tool("file_search")
        if tool and tool.get("vector_store_ids") and not question.searches and ask.tool_choice != "none":
            yield answers.Search((question.last_words or ask.instructions,))
            return
        model = self.models.get(ask.model, self.model or ask.model)
        if not _functions(question) or (self.calls != "json" and model not in self._without_tools):
            try:
                async for part in self._native(question, model):
                    yield part
            except _ToolsRefusedError:
                self._without_tools.add(model)
            else:
                return
        async for part in self._by_json(question, model):
            yield part

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _native(self, question: Question, model: str) -> AsyncGenerator[Part, None]:
        body = _body(question, model)
        if functions := _functions(question):
            body["tools"] = [{"type": "function", "function": _definition(one)} for one in functions]
            body["tool_choice"] = _choice(question)
            body["parallel_tool_calls"] = question.turn.ask.parallel_calls
        text = _MarkedText(question)
        calls = _Calls()
        async for chunk in self._chunks(body, may_refuse_tools=bool(functions) and self.calls == "auto"):
            for choice in chunk.get("choices", ())[:1]:
                delta = choice.get("delta") or {}
                for part in text.parts(delta.get("content") or ""):
                    yield part
                if delta.get("refusal"):
                    yield answers.Refusal(delta["refusal"])
                for part in calls.parts(delta.get("tool_calls") or ()):
                    yield part
                if stop := _STOPS.get(choice.get("finish_reason") or ""):
                    yield answers.EarlyEnd(stop)
            if usage := _usage(chunk):
                yield answers.Used(usage)
        for part in text.rest():
            yield part

    async def _by_json(self, question: Question, model: str) -> AsyncGenerator[Part, None]:
        """Ask for JSON that is an answer or a call; it is known only as a whole."""
        body = _body(question, model, by_json=True)
        schema = {"anyOf": [*map(_call_schema, _allowed(question)), *_answer_schema(question)]}
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        whole = ""
        usage: Usage | None = None
        async for chunk in self._chunks(body):
            whole += "".join(
                (choice.get("delta") or {}).get("content") or "" for choice in chunk.get("choices", ())[:1]
            )
            usage = _usage(chunk) or usage
        for part in _of_json(whole, question):
            yield part
        if usage:
            yield answers.Used(usage)

    async def _chunks(self, body: Json, *, may_refuse_tools: bool = False) -> AsyncIterator[Json]:
        import httpx2

        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        url = f"{self.base_url.rstrip('/')}/chat/completions"
        try:
            async with self._open().stream("POST", url, json=body, headers=headers) as answer:
                if answer.status_code != 200:
                    raise _refused(answer.status_code, await answer.aread(), may_refuse_tools=may_refuse_tools)
                async for line in answer.aiter_lines():
                    if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
                        yield _chunk(data)
        except httpx2.TimeoutException:
            raise AnswerError("server_error", f"The model did not go on within {self.quiet:g} seconds.") from None
        except httpx2.HTTPError as error:
            raise AnswerError("server_error", f"The model at {self.base_url} cannot be reached: {error}.") from None

    def _open(self) -> httpx2.AsyncClient:
        import httpx2

        if self._client is None:
            timeout = httpx2.Timeout(self.quiet, connect=CONNECT_SECONDS)
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
            self._client = httpx2.AsyncClient(timeout=timeout, limits=limits)
        return self._client


class _ToolsRefusedError(Exception):
    """The endpoint takes no tools."""


def _refused(status: int, body: bytes, *, may_refuse_tools: bool) -> Exception:
    """Return the error for an answer that is none."""
    text = body.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        message = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        message = text[:500]
    if may_refuse_tools and status in (400, 422, 500, 501) and _NO_TOOLS.search(message):
        return _ToolsRefusedError()
    code = "rate_limit_exceeded" if status == 429 else "server_error"
    return AnswerError(code, f"The model answered {status}: {message}")


def _chunk(data: str) -> Json:
    try:
        chunk: Any = json.loads(data)
    except ValueError:
        chunk = None
    if not isinstance(chunk, dict):
        raise AnswerError("server_error", "The model sent something that is not JSON.")
    if chunk.get("error"):
        error = chunk["error"]
        message = error.get("message") if isinstance(error, dict) else error
        raise AnswerError("server_error", f"The model stopped: {message}")
    return chunk


def _usage(chunk: Json) -> Usage | None:
    given = chunk.get("usage")
    if not isinstance(given, dict):
        return None
    cached = (given.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    reasoning = (given.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return Usage(given.get("prompt_tokens") or 0, given.get("completion_tokens") or 0, cached, reasoning)


# ---- what is sent


def _functions(question: Question) -> list[Json]:
    ask = question.turn.ask
    return [] if ask.tool_choice == "none" else [tool for tool in ask.tools if tool["type"] == "function"]


def _definition(tool: Json) -> Json:
    return {name: tool[name] for name in ("name", "description", "parameters", "strict") if tool.get(name) is not None}


def _choice(question: Question) -> Any:
    choice = question.turn.ask.tool_choice
    if not isinstance(choice, dict):
        return choice
    return {"type": "function", "function": {"name": choice["name"]}} if choice["type"] == "function" else "auto"


def _body(question: Question, model: str, *, by_json: bool = False) -> Json:
    ask = question.turn.ask
    body: Json = {"model": model, "messages": _messages(question, by_json=by_json), "stream": True}
    body["stream_options"] = {"include_usage": True}
    # Some models refuse to hear of what they take for granted.
    body |= {name: value for name, value in ask.sampling.items() if value is not None and value != 1.0}
    if ask.max_output_tokens is not None:
        body["max_tokens"] = max(1, ask.max_output_tokens - question.turn.usage.output)
    if ask.text_format["type"] != "text":
        body["response_format"] = _format(ask.text_format)
    return body


def _format(text_format: Json) -> Json:
    if text_format["type"] != "json_schema":
        return {"type": text_format["type"]}
    names = ("name", "description", "schema", "strict")
    return {"type": "json_schema", "json_schema": {name: text_format[name] for name in names if name in text_format}}


def _messages(question: Question, *, by_json: bool) -> list[Json]:
    system = question.turn.ask.instructions + _passages(question)
    if by_json:
        system += _CHOOSE + "".join(
            f"\n{json.dumps(_definition(one), ensure_ascii=False)}" for one in _allowed(question)
        )
    found: list[Json] = [{"role": "system", "content": system.strip()}] if system.strip() else []
    for item in question.items:
        for message in _message(item, by_json=by_json):
            if found and "tool_calls" in message and "tool_calls" in found[-1]:
                found[-1]["tool_calls"] += message["tool_calls"]
            else:
                found.append(message)
    return found


def _passages(question: Question) -> str:
    """Return what was found in files, with markers to cite it by."""
    found = [
        f"\n{_marker(place, number, result)} {result['text']}"
        for place, search in enumerate(question.searches)
        for number, result in enumerate(search["results"])
    ]
    return _CITE + "".join(found) if found else ""


def _marker(place: int, number: int, result: Json) -> str:
    known = citation(result, place, number)
    return f"【{known['round']}:{known['number']}†{known['filename']}】"


def _message(item: Json, *, by_json: bool) -> Iterator[Json]:
    match "" if "played" in item else item["type"]:
        case "message":
            role = "system" if item["role"] == "developer" else item["role"]
            yield {"role": role, "content": _content(item["content"])}
        case "function_call" if by_json:
            call = {"function": item["name"], "arguments": _loaded(item["arguments"])}
            yield {"role": "assistant", "content": json.dumps(call, ensure_ascii=False)}
        case "function_call":
            function = {"name": item["name"], "arguments": item["arguments"]}
            calls = [{"id": item["call_id"], "type": "function", "function": function}]
            yield {"role": "assistant", "content": None, "tool_calls": calls}
        case "function_call_output" if by_json:
            yield {"role": "user", "content": f"The function returned: {_output(item['output'])}"}
        case "function_call_output":
            yield {"role": "tool", "tool_call_id": item["call_id"], "content": _output(item["output"])}
        case "code_interpreter_call":
            yield {"role": "assistant", "content": f"I ran {item['code']}, which put out {item['outputs']}."}


def _content(parts: list[Json]) -> Any:
    shown = [part for part in map(_part, parts) if part is not None]
    texts = [part["text"] for part in shown if part["type"] == "text"]
    return "\n".join(texts) if len(texts) == len(shown) else shown


def _part(part: Json) -> Json | None:
    match part["type"]:
        case "text" | "input_text" | "output_text":
            return {"type": "text", "text": part["text"]}
        case "refusal":
            return {"type": "text", "text": part["refusal"]}
        case "image_url":
            return {"type": "image_url", "image_url": part["image_url"]}
        case "input_image" if part.get("image_url"):
            return {"type": "image_url", "image_url": {"url": part["image_url"]}}
        case _:
            return None


def _output(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# ---- calls as JSON


def _allowed(question: Question) -> list[Json]:
    """Return the functions that may be called: all of them, or the one that must be."""
    choice = question.turn.ask.tool_choice
    named = choice["name"] if isinstance(choice, dict) and choice["type"] == "function" else None
    return [one for one in _functions(question) if named in (None, one["name"])]


def _call_schema(function: Json) -> Json:
    arguments = function.get("parameters") or {"type": "object"}
    properties = {"function": {"const": function["name"]}, "arguments": arguments}
    return {"type": "object", "properties": properties, "required": ["function", "arguments"]}


def _answer_schema(question: Question) -> list[Json]:
    """Return the schema of a plain answer; there is none where a function must be called and has not been yet."""
    must = question.turn.ask.tool_choice not in ("auto", "none")
    if must and not any(item["type"] == "function_call" for item in question.own):
        return []
    return [{"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}]


def _of_json(whole: str, question: Question) -> Iterator[Part]:
    answer = _loaded(whole)
    if isinstance(answer, dict) and any(one["name"] == answer.get("function") for one in _allowed(question)):
        yield answers.Call(str(answer["function"]))
        yield answers.Arguments(json.dumps(answer.get("arguments", {}), ensure_ascii=False))
        return
    said = answer["answer"] if isinstance(answer, dict) and isinstance(answer.get("answer"), str) else whole
    text = _MarkedText(question)
    yield from text.parts(said)
    yield from text.rest()


# ---- what comes back


class _Calls:
    """Function calls in pieces: a new index begins a call."""

    def __init__(self) -> None:
        self._index: int | None = None

    def parts(self, pieces: Any) -> Iterator[Part]:
        for piece in pieces:
            function = piece.get("function") or {}
            index = piece.get("index", 0)
            if index != self._index and function.get("name"):
                self._index = index
                yield answers.Call(function["name"], piece.get("id") or None)
            if function.get("arguments") and self._index is not None:
                yield answers.Arguments(function["arguments"])


class _MarkedText:
    """Text in pieces, in which markers of passages become citations, wherever the pieces were cut."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._held = ""

    def parts(self, piece: str) -> Iterator[Part]:
        self._held += piece
        while self._held:
            start = self._held.find("【")
            if start < 0:
                yield answers.Text(self._held)
                self._held = ""
            elif start > 0:
                yield answers.Text(self._held[:start])
                self._held = self._held[start:]
            elif (end := self._held.find("】")) > 0:
                yield self._marked(self._held[: end + 1])
                self._held = self._held[end + 1 :]
            elif len(self._held) > _LONGEST_MARKER:
                yield answers.Text(self._held[0])
                self._held = self._held[1:]
            else:
                return

    def rest(self) -> Iterator[Part]:
        if self._held:
            yield answers.Text(self._held)

    def _marked(self, text: str) -> Part:
        marker = MARKER.fullmatch(text)
        searches = self._question.searches
        for place, search in enumerate(searches):
            for number, result in enumerate(search["results"]):
                if marker is not None and _marker(place, number, result) == text:
                    return answers.Text(citation=citation(result, place, number))
        return answers.Text(text)
