"""Laws of shapes: whatever a file holds, it is read, checked, fixed or refused with a sentence; places stay inside."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployer.functions.definitions import Definition, converted, read
from deployer.functions.strictness.fix import make_strict
from deployer.manifest.function_files import checked

KEYS = (
    *("name", "type", "function", "functions", "tools", "data", "parameters", "inputSchema", "input_schema", "strict"),
    *("description", "properties", "schema", "json_schema", "response_format", "text", "format", "model", "object"),
    *("assistants", "openapi", "paths", "/x", "get", "operationId", "requestBody", "content", "application/json", "in"),
    *("$ref", "anyOf", "enum", "items", "required", "pattern", "version", "project", "jsonrpc", "result", "swagger"),
)
SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False)),
    st.sampled_from(("", "function", "object", "string", "json_schema", "list", "#/x", "#", "(?=a)", "3.0.0", "body")),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=25,
)


@given(DATA)
def test_whatever_a_file_holds_is_read_and_checked(data: Any) -> None:
    definitions = [one for one in read(data) if isinstance(one, Definition)]
    for one in definitions:
        for surface in ("assistants", "responses", "agents"):
            for finding in checked(one, "f", surface):
                assert finding.message
                assert finding.remedy
                assert one.place(finding.pointer)[: len(one.at)] == one.at or one.shape == "operation"
        fixed = make_strict({"name": "f", **one.function})
        assert all(refusal.message and refusal.remedy for refusal in fixed.refusals)
    converted(data, definitions)
    assert list(read(data)) == list(read(data)), "nothing is changed by reading"
