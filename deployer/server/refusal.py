"""Why a file cannot be ingested, and how much of one is read."""

from __future__ import annotations

MOST_CHARACTERS = 20_000_000  # about the service's 5,000,000 tokens


class RefusedError(Exception):
    """A file that cannot be ingested: a code of the API and its sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def unparsable(reason: str) -> RefusedError:
    return RefusedError("invalid_file", f"The file could not be parsed: {reason}.")


def bound(characters: int) -> None:
    if characters > MOST_CHARACTERS:
        message = "The file contains too many tokens. Max allowed tokens per file is 5000000."
        raise RefusedError("invalid_file", message)
