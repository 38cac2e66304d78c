"""A small GitHub: comments, issues and the pull request of a merge, as far as the action asks for them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = "github-actions[bot]"
MOST = 65_536
"""Characters of a body that GitHub takes."""


@dataclass
class Hub:
    """What it holds; `refuse` maps a method to the status with which it is answered; `login` is who writes."""

    url: str = ""
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    merged: dict[str, int] = field(default_factory=dict)
    refuse: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    login: str = BOT
    _last: int = 100

    def body(self, number: int = 7) -> str:
        """Return the text of the only comment."""
        (one,) = self.comments[number]
        found: str = one["body"]
        return found

    def answer(  # noqa: PLR0911 (one for each address)
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if method in self.refuse:
            return self.refuse[method], {"message": "Resource not accessible by integration"}
        if body and len(body.get("body") or "") > MOST:
            return 422, {"message": "Body is too long (maximum is 65536 characters)"}
        page, size = int(query.get("page", ["1"])[0]), int(query.get("per_page", ["30"])[0])

        def paged(rows: list[Any]) -> tuple[int, Any]:
            return 200, rows[(page - 1) * size : page * size]

        if found := re.fullmatch(r"issues/(\d+)/comments", path):
            rows = self.comments.setdefault(int(found[1]), [])
            return paged(rows) if method == "GET" else (201, self._added(rows, body))
        if found := re.fullmatch(r"issues/comments/(\d+)", path):
            known = [one for rows in self.comments.values() for one in rows if one["id"] == int(found[1])]
            return (200, known[0].update(body)) if known else (404, {})
        if path == "issues":
            label = query.get("labels", [""])[0]
            opened = [one for one in self.issues if one["state"] == "open" and label in one["labels"]]
            return paged(opened) if method == "GET" else (201, self._added(self.issues, {"state": "open", **body}))
        if found := re.fullmatch(r"issues/(\d+)", path):
            (issue,) = (one for one in self.issues if one["number"] == int(found[1]))
            return 200, issue.update(body)
        if found := re.fullmatch(r"commits/([0-9a-f]+)/pulls", path):
            number = self.merged.get(found[1])
            row = {"number": number, "merged_at": "2026-11-28T00:00:00Z", "merge_commit_sha": found[1]}
            return 200, [row] if number else []
        return 404, {}

    def _added(self, rows: list[dict[str, Any]], body: Any) -> Any:
        self._last += 1
        rows.append({"id": self._last, "number": self._last, "user": {"login": self.login}, **body})
        return rows[-1]


@contextmanager
def hub() -> Iterator[Hub]:
    """Serve a GitHub without repositories other than the one that is asked for."""
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        def _all(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            path = parts.path.split("/", 4)[4]
            status, data = found.answer(self.command, path, parse_qs(parts.query), body)
            content = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _all  # noqa: N815 (http.server's names)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
