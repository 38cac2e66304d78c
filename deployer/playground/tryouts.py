"""What the page tries: a search in a store, the text of a document, arguments against a function's schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer import json_text
from deployer.errors import DeployerError
from deployer.functions.check import check_examples, check_function
from deployer.functions.rules import SURFACES, Finding
from deployer.model import LiveObject, Resource
from deployer.playground import view
from deployer.playground.observer import AccountObserver

_MOST = 50
_DEEP = 12
_SIMPLE: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}
_COMPARED = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")


@dataclass(frozen=True, slots=True)
class StoreQuery:
    """A search: `filters` are `(key, comparison, value)`, which must all hold; `threshold` is the least score."""

    query: str
    limit: int = 10
    threshold: float = 0.0
    filters: Sequence[tuple[str, str, Any]] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> StoreQuery:
        """Read what the page sent; DeployerError with a sentence for what makes no sense."""
        query, limit, threshold = data.get("query"), data.get("limit", 10), data.get("threshold", 0)
        if not isinstance(query, str) or not query.strip():
            raise DeployerError("write what to look for")
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST:
            raise DeployerError(f"the number of results must be from 1 to {_MOST}")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise DeployerError("the least score must be from 0 to 1")
        return cls(query.strip(), limit, float(threshold), tuple(_filters(data.get("filters") or [])))

    def body(self) -> dict[str, Any]:
        """Return the request of the API."""
        body: dict[str, Any] = {"query": self.query, "max_num_results": self.limit}
        if self.threshold:
            body["ranking_options"] = {"score_threshold": self.threshold}
        told = [{"key": key, "type": sort, "value": value} for key, sort, value in self.filters]
        if told:
            body["filters"] = told[0] if len(told) == 1 else {"type": "and", "filters": told}
        return body


def _filters(rows: Any) -> Iterator[tuple[str, str, Any]]:
    for row in rows if isinstance(rows, list) else [None]:
        if not isinstance(row, Mapping) or not row.get("key") or row.get("type") not in _COMPARED:
            raise DeployerError(f"a filter needs an attribute and one of {', '.join(_COMPARED)}")
        value = row.get("value")
        if row["type"] in ("in", "nin"):
            value = [_value(one) for one in str(value).split(",")]
        yield str(row["key"]), str(row["type"]), _value(value) if isinstance(value, str) else value


def _value(text: str) -> Any:
    """Read a number, true or false; everything else, and what stands in quotation marks, is text."""
    try:
        found = json_text.loads(text.strip())
    except ValueError:
        return text.strip()
    return found if isinstance(found, str | int | float | bool) else text.strip()


async def search(observer: AccountObserver, store: str, query: StoreQuery) -> list[dict[str, Any]]:
    """Return what a live store holds on a query, the best first: source, score, text, attributes."""
    live, session = live_of(observer, store), await observer.session()
    if session.account.dialogue is None:
        raise DeployerError("this account cannot be searched")
    page = await session.account.dialogue.ask("store.search", query.body(), store=live.id)
    paths = {one.id: one.path for one in live.files}
    return [_found(row, paths) for row in page["data"]]


def _found(row: Mapping[str, Any], paths: Mapping[str, str | None]) -> dict[str, Any]:
    text = "\n".join(str(part.get("text") or "") for part in row.get("content") or ())
    source = paths.get(str(row.get("file_id"))) or row.get("filename") or ""
    kept = {name: one for name, one in (row.get("attributes") or {}).items() if not name.startswith("deployer_")}
    return {"source": source, "score": row.get("score"), "text": text, "attributes": kept}


def live_of(observer: AccountObserver, address: str) -> LiveObject:
    """Return what is live of an address; DeployerError when nothing is."""
    live_id = observer.plan.known.get(address) if observer.plan else None
    found = next((one for one in observer.live if one.id == live_id), None)
    if found is None:
        raise DeployerError(f"{address} is not live on this account; run ", run=["apply"])
    return found


async def document(observer: AccountObserver, source: str) -> dict[str, str]:
    """Return the text of a document as the account has it, by its path, its file's id or its name."""
    session = await observer.session()
    for store in observer.live:
        for one in store.files:
            if source in (one.path, one.id, (one.path or "").rpartition("/")[2]):
                assert session.account.dialogue  # noqa: S101 (what has files holds conversations)
                page = await session.account.dialogue.ask("store.document", store=store.id, file=one.id)
                parts = [str(part.get("text") or "") for part in page.get("data") or page.get("content") or ()]
                return {"path": one.path or one.id, "text": "\n".join(parts)}
    raise DeployerError(f"no store of this project holds {source}")


def check(api: str, resource: Resource, name: str, text: str) -> dict[str, Any]:
    """Return what is wrong with arguments, and with the schema itself on this surface."""
    function = next((one for one in view.functions(resource) if one.get("name") == name), None)
    if function is None:
        raise DeployerError(f"{resource.address} has no function {name}")
    parameters = function.get("parameters")
    try:
        arguments = json_text.loads(text)
    except ValueError as error:
        raise DeployerError(f"these arguments are no JSON: {error}") from None
    plain = {key: value for key, value in function.items() if key not in ("type", "handler")}
    wrong = check_examples({**plain, "examples": [arguments]}) if isinstance(arguments, dict) else ()
    return {
        "fits": isinstance(arguments, dict) and not wrong,
        "errors": [_sentence(one) for one in wrong] or ([] if isinstance(arguments, dict) else ["no JSON object"]),
        "schema": [_sentence(one) for one in check_function(plain, api)] if api in SURFACES else [],
        "parameters": parameters,
    }


def _sentence(one: Finding) -> str:
    return f"{one.message}; {one.remedy}" if one.remedy else one.message


def sample(function: Mapping[str, Any]) -> str:
    """Return arguments to begin with, as JSON text: the function's first example, else what its schema requires."""
    for one in function.get("examples") or ():
        return one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, indent=2)
    return json.dumps(_sample(function.get("parameters") or {}, _DEEP), ensure_ascii=False, indent=2)


def _sample(schema: Any, levels: int) -> Any:
    if not isinstance(schema, Mapping) or not levels:
        return None
    if "default" in schema or "const" in schema:
        return schema.get("default", schema.get("const"))
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    sort = schema.get("type")
    sort = next(iter(sort), None) if isinstance(sort, list) else sort
    if sort == "object" or "properties" in schema:
        return {name: _sample(one, levels - 1) for name, one in (schema.get("properties") or {}).items()}
    if sort == "array":
        return [_sample(schema.get("items") or {}, levels - 1)]
    return _SIMPLE.get(str(sort))
