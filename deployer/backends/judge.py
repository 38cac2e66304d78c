"""A model that judges answers, and one that compares texts: an endpoint of chat completions and embeddings."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer import json_text
from deployer.errors import DeployerError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_SECONDS = 60.0
_RETRIES = 2
_SYSTEM = (
    "You judge an answer of an assistant by a rubric. Reply with JSON alone: "
    '{"reason": a sentence, "pass": true or false, "score": a number from 0 to 1}.'
)


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Which endpoint judges; the key never shows in a repr. `embeddings` is the model that compares texts."""

    base_url: str
    model: str
    api_key: str = field(default="none", repr=False)
    embeddings: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says: whether an answer passes, a score from 0 to 1, and why."""

    passed: bool
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Judge:
    """An open endpoint. DeployerError where it does not answer, or says what nothing can be made of."""

    settings: JudgeSettings
    client: AsyncOpenAI

    async def rubric(self, rubric: str, output: str) -> Judgement:
        """Ask whether an answer fits a rubric."""
        asked = json.dumps({"answer": output, "rubric": rubric}, ensure_ascii=False)
        messages: Any = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": asked}]
        answer = await self._asked(self.client.chat.completions.create(model=self.settings.model, messages=messages))
        return self._read(str(answer.choices[0].message.content or "") if answer.choices else "")

    async def similarity(self, one: str, others: Sequence[str]) -> float:
        """Return the highest cosine similarity of a text to others, from -1 to 1."""
        model = self.settings.embeddings or self.settings.model
        answer = await self._asked(self.client.embeddings.create(model=model, input=[one, *others]))
        vectors = [row.embedding for row in answer.data]
        if len(vectors) != len(others) + 1:
            raise self._failed("gave too few embeddings")
        return max(_cosine(vectors[0], other) for other in vectors[1:])

    async def _asked(self, request: Any) -> Any:
        from openai import OpenAIError

        try:
            return await request
        except OpenAIError as error:
            raise self._failed(f"does not answer ({error})") from None

    def _failed(self, what: str) -> DeployerError:
        return DeployerError(f"the judge at {self.settings.base_url} {what}; check --judge, --judge-model and its key")

    def _read(self, text: str) -> Judgement:
        start, end = text.find("{"), text.rfind("}")
        try:
            found = json_text.loads(text[start : end + 1]) if 0 <= start < end else None
        except ValueError:
            found = None
        passed = found.get("pass") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(passed, bool):
            raise self._failed(f"said no verdict: {text[:200]!r}")
        score = found.get("score")
        number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else float(passed)
        return Judgement(passed, min(1.0, max(0.0, number)), str(found.get("reason", "")))


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    length = math.sqrt(sum(x * x for x in one) * sum(x * x for x in other))
    return sum(x * y for x, y in zip(one, other, strict=False)) / length if length else 0.0


@asynccontextmanager
async def open_judge(settings: JudgeSettings) -> AsyncIterator[Judge]:
    """Open the endpoint; nothing is asked yet."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=settings.base_url, api_key=settings.api_key, timeout=_SECONDS, max_retries=_RETRIES)
    async with client:
        yield Judge(settings, client)
