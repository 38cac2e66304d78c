"""The wire form of answers and errors: plain dictionaries and the envelope that every error of the API has."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """A request that is answered with an error, in the envelope of the recorded answers."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code

    def body(self) -> Json:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


class FilesError(ApiError):
    """An error of the Files API, which repeats itself under `detail` (recorded answers)."""

    def body(self) -> Json:
        return super().body() | {"detail": {"message": self.message, "code": self.code}}


def masked(key: str) -> str:
    """The key as error messages show it: recorded answers keep 8 + 4 characters and show a short key whole."""
    return key if len(key) <= 12 else key[:8] + "*" * (len(key) - 12) + key[-4:]


def wrong_key(given: str | None) -> ApiError:
    if given is None:
        return ApiError(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization "
            "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
    message = (
        f"Incorrect API key provided: {masked(given)}. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )
    return ApiError(401, message, code="invalid_api_key")
