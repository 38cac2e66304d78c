"""What an application answers a call of `search_knowledge` with, where an agent cannot search its stores itself.

It imports nothing but the standard library's JSON; the client is the application's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

MOST = 8
"""Results of one call, of all stores together."""


def search_knowledge(client: Any, stores: Iterable[str], arguments: str | Mapping[str, Any]) -> str:
    """Search vector stores by their ids (`deployer outputs` prints them), and return the output of the call.

    `client` is an `openai.OpenAI`; `arguments` are those of the call, as it has them. The output is JSON: a list of
    `{source, text}`, the best first; or an error that the model can read, when the arguments are none.
    """
    query = query_of(arguments)
    if query is None:
        return json.dumps({"error": "query must be text"})
    found = [row.to_dict() for store in stores for row in client.vector_stores.search(store, query=query).data]
    return output(found)


def query_of(arguments: str | Mapping[str, Any]) -> str | None:
    """Return what a call asks for; None when it does not say so."""
    try:
        data = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return None
    query = data.get("query") if isinstance(data, Mapping) else None
    return query if isinstance(query, str) and query.strip() else None


def output(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows of searches as the output of a call, the best first."""
    best = sorted(rows, key=lambda row: -float(row.get("score") or 0))[:MOST]
    return json.dumps([{"source": row.get("filename"), "text": _text(row)} for row in best], ensure_ascii=False)


def _text(row: Mapping[str, Any]) -> str:
    return "\n".join(str(part.get("text") or "") for part in row.get("content") or ())
