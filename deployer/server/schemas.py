"""Schemas of functions and of response formats, refused as the APIs refuse them, in their recorded words.

What is wrong with a schema is told by the pure rules of `deployer.functions`, which the material holds true, not this
server. When it is told depends on the surface: Responses and strict functions are refused at once; a function without
`strict: true` of a saved assistant or agent is refused when a run begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from deployer.functions.check import check_function, check_response_format
from deployer.server.wire import ApiError, Json

if TYPE_CHECKING:
    from deployer.functions.rules import Finding

_BAD_PARAMETERS, _BAD_SCHEMA = "invalid_function_parameters", "invalid_json_schema"
_LOOKAROUND = "pattern-lookaround"


def refuse_function(function: Json, path: str, surface: str) -> None:
    """Raise what the API answers to the parameters of a function that stands at `path` of the request."""
    found = check_function({**function, "description": function.get("description") or "-"}, surface)
    for finding in _errors(found):
        if finding.rule == _LOOKAROUND:  # recorded: it names the whole list
            raise ApiError(400, _message(finding), param=path.partition("[")[0], code=_BAD_SCHEMA)
        if finding.pointer[:1] == ("parameters",) or finding.rule.startswith("strict-"):
            raise ApiError(400, _message(finding), param=f"{path}.parameters", code=_BAD_PARAMETERS)


def refuse_format(form: Json, path: str, surface: str, code: str | None) -> None:
    """Raise what the API answers to the schema of a json_schema format; `path` is what it names as wrong."""
    strict = form.get("strict") is True
    for finding in _errors(check_response_format(form.get("schema") or {}, strict, surface, form["name"])):
        raise ApiError(400, _message(finding), param=path, code=code)


def refuse_tools(tools: Sequence[Json], path: str, surface: str) -> None:
    """Raise what the API answers to the functions among these tools, flat or nested, strict or not."""
    for place, tool in enumerate(tools):
        if tool["type"] == "function":
            nested = isinstance(tool.get("function"), dict)
            where = f"{path}[{place}].function" if nested else f"{path}[{place}]"
            refuse_function(tool["function"] if nested else tool, where, surface)


def _errors(found: Iterable[Finding]) -> Iterator[Finding]:
    return (finding for finding in found if finding.severity.value == "error")


def _message(finding: Finding) -> str:
    return finding.says or f"Invalid schema: {finding.message}."
