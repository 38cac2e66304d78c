"""Expected errors: each is one sentence for a person and an exit code for a pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_CHANGES = 2
EXIT_BUG = 3
EXIT_USAGE = 64
EXIT_INTERRUPTED = 130
_NOT_FOUND = (404, 410)
_FORBIDDEN = 403
_UNSUPPORTED = (404, 405, 501)
_REFUSED = range(400, 500)
_NOT_OFFERED = (405, 501)
_UNKNOWN_FORMS = (
    "unknown_parameter",
    "unsupported_parameter",
    "missing_required_parameter",
    "extra_forbidden",
    "missing",
)
"""Codes of OpenAI's API for bodies that it does not know, and types of pydantic's findings, which FastAPI answers."""
_ATTACHING = ("files", "file_ids", "attributes")
_QUOTED = re.compile(r"['\"`]([a-z_.\[\]0-9]+)['\"`]")
_CARRIED_OUT = range(200, 400)


class DeployerError(Exception):
    """What is wrong, where, and what to do: shown as it is, never with a traceback.

    `run` are the words of a command that helps, which stands between message and `after`. Who knows which project it is
    about sets `command`, the whole line with its options, so that it can be pasted. `reported`: a report on standard
    output says it already.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, run: Sequence[str] = (), after: str = "") -> None:
        super().__init__(message)
        self.run, self.after = tuple(run), after
        self.command = " ".join(("deployer", *run))
        self.reported = False

    def __str__(self) -> str:
        return f"{self.args[0]}{self.command}{self.after}" if self.run else str(self.args[0])


class UsageError(DeployerError):
    """The command line asks for something that cannot be done."""

    exit_code = EXIT_USAGE


class Interrupted(DeployerError):  # noqa: N818 (nothing went wrong: somebody asked for it)
    """A run was stopped at once, in the middle of its requests."""

    exit_code = EXIT_INTERRUPTED


class AccountError(DeployerError):
    """The account refused, could not be reached, or gave an answer that makes no sense.

    `status` is the HTTP status, None when no answer came; `code` is the API's own error code where it gave one. `lost`:
    what was asked for may have been done all the same, since an answer was lost on the way. `done`: it was done, though
    its answer makes no sense. `other_form`: it answered whole and well, but not in the form of this API. `param` is
    what the refusal is about, and `said` its words, as far as the account gave them.
    """

    def __init__(  # noqa: PLR0913 (what is known of it)
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        lost: bool = False,
        done: bool = False,
        other_form: bool = False,
        param: str | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.lost = lost
        self.done = done
        self.other_form = other_form
        self.param = param
        self.said = said

    @property
    def may_be_done(self) -> bool:
        """Whether what was asked for may be there all the same: nothing says that it was refused."""
        return self.lost or self.done or self.status in _CARRIED_OUT

    @property
    def about_form(self) -> bool:
        """Whether the account says that it does not know what it was asked for in this form, whatever that holds.

        Its words count only where it gives neither a code nor a parameter.
        """
        if self.status in _NOT_OFFERED or self.code in _UNKNOWN_FORMS:
            return True
        if self.code is not None:
            return False
        about = self.param or (found[1] if (found := _QUOTED.search(self.said)) else "")
        return re.split(r"[.\[]", about)[0] in _ATTACHING

    @property
    def absent(self) -> bool:
        """Whether the account says that there is no such thing."""
        return self.status in _NOT_FOUND

    @property
    def unsupported(self) -> bool:
        """Whether the account says that it cannot do this at all."""
        return self.status in _UNSUPPORTED

    @property
    def forbidden(self) -> bool:
        """Whether the account says that this key may not look there."""
        return self.status == _FORBIDDEN

    @property
    def refused(self) -> bool:
        """Whether the account says no, and would say so again."""
        return self.status in _REFUSED


class UnknownError(AccountError):
    """Whether something was done is unknown: its answer was lost, and a list that may lag does not show it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, lost=True)
