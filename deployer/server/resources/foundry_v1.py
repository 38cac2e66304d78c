"""The `/openai/v1` of a project of Microsoft Foundry: files, stores and responses, on the wire that OpenAI has.

It takes no `api-version`. Files and stores are those of the whole account, whatever the project is called.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployer.server.resources import (
    conversations,
    file_batches,
    files,
    foundry,
    models,
    responses,
    uploads,
    vector_store_files,
    vector_stores,
)
from deployer.server.state import Answer, ApiCall, Handler, Operation, State, Upload
from deployer.server.wire import ApiError, Json

_NOT_BESIDE_AN_AGENT = ("model", "instructions", "tools", "temperature", "top_p", "reasoning", "text", "tool_choice")


def _without_version(query: Mapping[str, str]) -> None:
    if "api-version" in query:
        raise ApiError(400, "api-version query parameter is not allowed when using /v1 path", param="api-version")


def _below_v1(handler: Handler, *, members: bool = False) -> Handler:
    """Return the handler as the project has it; `members`: it is about memberships of stores."""

    @functools.wraps(handler)
    def below(call: ApiCall) -> Answer:
        _without_version(call.query)
        if call.state.foundry.attributes or not members:
            return handler(call)
        return _bare(handler(replace(call, body=_without_attributes(call.body))))

    return below


def _without_attributes(value: Any) -> Any:
    """Leave attributes out of a request, and of an answer, where they are not even null."""
    if isinstance(value, dict):
        return {name: _without_attributes(one) for name, one in value.items() if name != "attributes"}
    return [_without_attributes(one) for one in value] if isinstance(value, list) else value


def _bare(answer: Answer) -> Answer:
    if isinstance(answer, dict):
        return dict(_without_attributes(answer))
    if isinstance(answer, Response) and answer.media_type == "application/json":
        return JSONResponse(_without_attributes(json.loads(bytes(answer.body))))
    return answer


def _upload_below_v1(handler: Upload) -> Upload:
    async def below(state: State, request: Request) -> Json:
        _without_version(request.query_params)
        return await handler(state, request)

    return below


def respond(call: ApiCall) -> Answer:
    """Answer as an agent, where the request names one: its version says what a request without it would."""
    reference = call.body.get("agent_reference")
    if reference is None:
        return responses.create(call)
    beside = next((name for name in _NOT_BESIDE_AN_AGENT if name in call.body), None)
    if beside:
        raise foundry.invalid("Not allowed when agent is specified.", beside)
    if not isinstance(reference, dict) or reference.get("type") != "agent_reference":
        raise ApiError(400, "The supplied value is invalid.", param="agent_reference")
    named = {"name": str(reference.get("name")), "version": str(reference.get("version") or "")}
    at = replace(call, path={**call.path, **named})
    with call.state.storage.read() as db:
        agent = foundry.found(db, at)
        version = foundry.found_version(db, agent, at) if named["version"] else agent["latest"]
    definition = {name: one for name, one in version["definition"].items() if name in _NOT_BESIDE_AN_AGENT}
    rest = {name: one for name, one in call.body.items() if name != "agent_reference"}
    return responses.create(replace(call, body={**definition, **rest}))


_SHARED = (vector_stores, vector_store_files, file_batches, files, uploads, models, responses, conversations)
_OF_MEMBERS = (vector_store_files, file_batches)
_ABSENT = ("/v1/vector_stores/{vector_store_id}/search",)
"""Known to be missing (azure-sdk-for-python#45962)."""


def _at(path: str) -> str:
    return f"{foundry.ROOT}/openai{path}"


OPERATIONS: list[Operation] = [
    ("POST", _at("/v1/responses"), _below_v1(respond)),
    *(
        (method, _at(path), _below_v1(handler, members=module in _OF_MEMBERS))
        for module in _SHARED
        for method, path, handler in module.OPERATIONS
        if path not in _ABSENT and (method, path) != ("POST", "/v1/responses")
    ),
]
UPLOADS: list[tuple[str, str, Upload]] = [
    (method, _at(path), _upload_below_v1(handler)) for method, path, handler in (*files.UPLOADS, *uploads.UPLOADS)
]
