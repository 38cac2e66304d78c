"""What to do about an error, as data: by its code, by what it is about, by its status.

Codes are those of public docs and recorded answers; an error without a code, or with one that stands nowhere here, is
judged by its `param`, and then by its status.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from types import MappingProxyType

_KEY = "check the account's api_key"
_USED_UP = "the account has used up its quota or credit, which no waiting brings back: raise it, then run again"
_MODEL = "check the model's name, and whether this api_key may use it"
_FILE = "convert the document (to .md, .txt, .pdf, .json …), or leave it out of the manifest"
_SCHEMA = "correct that schema; deployer functions check says what is wrong with it"
_CONTEXT = "what is sent exceeds what the model reads at once: shorten it, or choose another model"
_POLICY = "the service's rules about content refuse it: change the instructions or the document that it names"
_SCOPES = "the account's api_key lacks a right: allow it to write files, vector stores and assistants (or agents)"
_HEADER = "a proxy before the account may drop headers (OpenAI-Beta): ask who runs it, or check base_url"
_PLACE = "the service is not offered where this machine is: run it elsewhere"

SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""Answered with 429, but no waiting helps (public docs)."""
CODES: Mapping[str, str] = MappingProxyType(
    {
        # The embedded account's own: it has undone the request, and asked again the answer would be the same.
        "disk_full": "free some space on its disk and run again",
        "disk_read_only": "make its folder writable and run again",
        "invalid_api_key": _KEY,
        "invalid_authentication": _KEY,
        "token_expired": "the account's api_key has expired: set a new one",
        "invalid_issuer": _KEY,
        "project_not_active": "the project of the account's api_key was archived: use a key of another one",
        "ip_not_authorized": "the account does not let this machine in: ask whoever owns it to allow its address",
        "missing_scope": _SCOPES,
        "insufficient_permissions": _SCOPES,
        "no_organization": "the account's api_key belongs to no organization: ask to be let into one",
        "account_deactivated": "the account was deactivated: ask whoever owns it",
        "invalid_organization": "check the account's organization, which this api_key does not belong to",
        "mismatched_organization": "check the account's organization, which this api_key does not belong to",
        "unsupported_country_region_territory": _PLACE,
        **dict.fromkeys(SPENT, _USED_UP),
        "model_not_found": _MODEL,
        "model_not_available": _MODEL,
        "DeploymentNotFound": "check the model, which on Azure is the name of a deployment",
        "unsupported_parameter": "the model takes no {param}: remove it from the manifest, or choose another model",
        "unsupported_value": "the model takes no such {param}: correct it in the manifest, or choose another model",
        "unsupported_file": _FILE,
        "unsupported_file_type": _FILE,
        "unsupported_file_extension": _FILE,
        "unsupported_file_mime_type": _FILE,
        "invalid_file": "look whether the document can be opened; convert it (to .md, .pdf …), or leave it out",
        "file_not_found": "the file is gone from the account: run again with --check-files",
        "file_too_large": "split the document, or leave it out of the manifest",
        "content_filter": _POLICY,
        "content_policy_violation": _POLICY,
        "missing_required_header": _HEADER,
        "invalid_beta": _HEADER,
        "invalid_file_format": _FILE,
        "invalid_function_parameters": _SCHEMA,
        "invalid_json_schema": _SCHEMA,
        "context_length_exceeded": _CONTEXT,
        "string_above_max_length": "shorten {param}",
        "array_above_max_length": "shorten {param}",
        "object_above_max_properties": "take something out of {param}",
        "integer_above_max_value": "choose a smaller {param}",
        "decimal_above_max_value": "choose a smaller {param}",
        "integer_below_min_value": "choose a larger {param}",
        "decimal_below_min_value": "choose a larger {param}",
        "unknown_parameter": "this API knows no {param}: check the account's api, and whether its base_url is that API",
    }
)
"""By `error.code`, else by `error.type`. A word in braces is what the error is about."""

STATUSES: Mapping[int, str] = MappingProxyType(
    {
        400: "the account may speak another version of this API: check its api and base_url",
        401: _KEY,
        402: _USED_UP,
        403: "check what the account's api_key may do",
        404: "check the account's api and base_url, or plan again if the object was just deleted",
        407: "a proxy wants to know who asks: name user and password in HTTPS_PROXY",
        408: "it took the account too long: run again later",
        409: "something else was changing it at the same time: run again",
        413: "a proxy before the account may allow no requests of this size: ask who runs it",
        423: "something else holds it: run again later",
        424: "what stands behind the account failed: run again later",
        425: "run again later",
        429: "wait a little and run again",
        451: _PLACE,
    }
)
_ELSE = "check the account's api and base_url"
_ABOUT = "correct {param} in the manifest; if it is right there, check the account's api and base_url"
_JUDGED = (400, 409, 422)
NOT_OFFERED = (405, 501)
_OF_ONE = re.compile(r"/(?:assistants|agents|vector_stores)/[^/]+(?:/files/[^/]+)?$")
"""The path of an object, or of a document in a store."""
_FIRST = re.compile(r"[.\[]")
_PARAM = re.compile(r"[\w.\[\]-]{1,100}")
_DECLARED = frozenset(
    {
        "model",
        "name",
        "description",
        "instructions",
        "tools",
        "tool_resources",
        "tool_choice",
        "text",
        "response_format",
    }
    | {"temperature", "top_p", "reasoning", "reasoning_effort", "metadata", "expires_after", "chunking_strategy"}
    | {"attributes", "definition", "prompt", "include", "truncation"}
)
"""What a manifest says, by the names of the APIs. Where another field is refused, the account means something else."""

_UNKNOWN_ISSUER = (
    "this machine does not trust who signed the certificate: where a proxy reads TLS, name its certificates (a PEM "
    "file) in the environment variable SSL_CERT_FILE"
)
_CERTIFICATES: Mapping[int, str] = MappingProxyType(
    {
        9: "the certificate is not valid yet: check this machine's clock",
        10: "the certificate has expired: check this machine's clock, or ask who runs the account",
        62: "the certificate is for another host: check base_url",
        64: "the certificate is for another host: check base_url",
    }
)
"""By OpenSSL's X509_V_ERR numbers."""


_OTHER_PROTOCOL = (
    "WRONG_VERSION_NUMBER",
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
)
_NO_TLS = "check base_url: what answers there speaks no TLS (http://), or another version of it"


def of_error(status: int, code: object, sort: object, param: object) -> str:
    """Return what to do about an error by its code, its type and what it is about; "" where these say nothing."""
    about = param if isinstance(param, str) and _PARAM.fullmatch(param) else ""
    found = next((CODES[word] for word in (code, sort) if isinstance(word, str) and word in CODES), "")
    if found and (about or "{param}" not in found):
        return found.format(param=about)
    return _ABOUT.format(param=about) if _FIRST.split(about)[0] in _DECLARED and status in _JUDGED else ""


def of_request(method: str, path: str) -> str:
    """Return what to do where a service does not offer a request at all."""
    of_one = _OF_ONE.search(path) is not None
    if method == "DELETE":
        return "this service lets nothing be deleted in this way: delete it there by hand, then run again"
    if method == "POST" and of_one:
        return "this service does not change what it has made: change it there by hand, then run again"
    return f"this service does not offer that: {_ELSE}"


def of_status(status: int) -> str:
    return STATUSES.get(status, _ELSE)


def of_tls(error: ssl.SSLError) -> str:
    """Return what to do where no secure connection can come about, however often it is tried; "" for any other error.

    Nothing was sent then.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(error.verify_code, _UNKNOWN_ISSUER)
    return _NO_TLS if error.reason in _OTHER_PROTOCOL else ""
