"""Comments, issues and pull requests, by GitHub's REST API (docs.github.com/rest, version 2022-11-28)."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from deployer.deadlines import within
from deployer.errors import DeployerError
from deployer.github import mark
from deployer.github.mark import Mark

Row = Mapping[str, Any]
_PAGE, _MOST_PAGES = 100, 50
_SECONDS = 30.0
_MOST = 16 * 1024 * 1024
_FORBIDDEN = (401, 403, 404)


class GitHubError(DeployerError):
    """GitHub refused, or could not be reached; `forbidden`: the job's token may not do that."""

    def __init__(self, message: str, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.forbidden = forbidden


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to another host, which would get the token."""

    def redirect_request(self, req: urllib.request.Request, *answer: Any) -> urllib.request.Request | None:
        leads = urlsplit(urljoin(req.full_url, answer[-1]))
        return super().redirect_request(req, *answer) if leads[:2] == urlsplit(req.full_url)[:2] else None


def _asked(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.build_opener(_SameHost).open(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read(_MOST) or b"null")
    except urllib.error.HTTPError as error:
        error.close()
        raise


@dataclass(frozen=True, slots=True)
class Marked:
    """A comment or an issue that carries our mark: its id (of an issue its number), the mark, the text below it."""

    id: int
    mark: Mark
    text: str

    @property
    def edited(self) -> bool:
        return mark.was_edited(self.mark, self.text)


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository. `author` is who writes with the token: a mark of somebody else counts for nothing."""

    url: str
    name: str
    token: str
    author: str

    def comment(self, number: int, key: str) -> Marked | None:
        """Return our comment of this key on an issue or a pull request, the newest where there are more."""
        return self._newest(self._rows(f"issues/{number}/comments"), key, "id")

    def write_comment(self, number: int, known: Marked | None, body: str) -> None:
        if known:
            self._send("PATCH", f"issues/comments/{known.id}", {"body": body})
        else:
            self._send("POST", f"issues/{number}/comments", {"body": body})

    def issue(self, label: str, key: str) -> Marked | None:
        """Return our open issue of this key."""
        rows = self._rows(f"issues?state=open&labels={quote(label)}")
        return self._newest((row for row in rows if "pull_request" not in row), key, "number")

    def write_issue(self, known: Marked | None, title: str, body: str, label: str) -> None:
        if known:
            self._send("PATCH", f"issues/{known.id}", {"title": title, "body": body})
        else:
            self._send("POST", "issues", {"title": title, "body": body, "labels": [label]})

    def close_issue(self, known: Marked, why: str) -> None:
        self._send("POST", f"issues/{known.id}/comments", {"body": why})
        self._send("PATCH", f"issues/{known.id}", {"state": "closed", "state_reason": "completed"})

    def merged_as(self, sha: str) -> list[int]:
        """Return the numbers of the pull requests whose merge made this commit."""
        rows = self._rows(f"commits/{quote(sha)}/pulls")
        found = [row.get("number") for row in rows if row.get("merged_at") and row.get("merge_commit_sha") == sha]
        return [one for one in found if isinstance(one, int)]

    def _newest(self, rows: Iterator[Row], key: str, ident: str) -> Marked | None:
        found = None
        for row in rows:
            read = mark.read(str(row.get("body") or ""))
            user, number = row.get("user"), row.get(ident)
            author = user.get("login") if isinstance(user, Mapping) else None
            if read and read[0].key == key and author == self.author and isinstance(number, int):
                found = Marked(number, *read)
        return found

    def _rows(self, path: str) -> Iterator[Row]:
        joint = "&" if "?" in path else "?"
        for page in range(1, _MOST_PAGES + 1):
            rows = self._send("GET", f"{path}{joint}per_page={_PAGE}&page={page}")
            if not isinstance(rows, list):
                raise GitHubError(f"GitHub answered {path} with something that is no list")
            yield from (row for row in rows if isinstance(row, Mapping))
            if len(rows) < _PAGE:
                return

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 (the runner's own address)
            f"{self.url}/repos/{self.name}/{path}",
            json.dumps(body).encode() if body is not None else None,
            {
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "Content-Type": "application/json",
            },
            method=method,
        )
        try:
            return within("GitHub", lambda _: _asked(request))
        except urllib.error.HTTPError as error:
            said = f"GitHub refused {method} {path} ({error.code})"
            if error.code in _FORBIDDEN:
                need = "its token may not do that: see the permissions in docs/github.md"
                raise GitHubError(f"{said}; {need}", forbidden=True) from None
            raise GitHubError(f"{said}; run the job again") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise GitHubError(f"GitHub could not be asked ({error}); run the job again") from None
