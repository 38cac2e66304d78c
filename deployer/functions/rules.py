"""Every rule about function schemas: what it says, where it applies, and the evidence for it; and what a rule found.

The table drives the checks: they ask `applies` and `severity_at`, and the documentation shows the same rows. New
evidence for a rule is one line here. Where a schema was accepted that a rule calls an error, a test fails
(`tests/functions/test_evidence.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from deployer.model import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """`pointer` is the path inside the function definition (or schema); `says` predicts the API's own message."""

    rule: str
    pointer: tuple[str | int, ...]
    message: str
    remedy: str
    severity: Severity = Severity.ERROR
    says: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionForm:
    """How a surface takes functions.

    `field` is what its messages call one, `…` for its place in the request; `format_field` is the same for a response
    format; `strict` whether a function has the flag; `tries_strict` whether a function without the flag is tried as a
    strict one; `root_reference` whether the root of the parameters may be a `$ref` (the SDK's helper for agents makes
    such).
    """

    field: str
    format_field: str
    longest_name: int
    strict: bool = True
    tries_strict: bool = False
    root_reference: bool = False


SURFACES: Mapping[str, FunctionForm] = MappingProxyType(
    {
        "assistants": FunctionForm("tools[…].function", "response_format.json_schema", 64),
        "agents": FunctionForm("tools[…]", "text.format", 64, strict=False, root_reference=True),
        "responses": FunctionForm("tools[…]", "text.format", 128, tries_strict=True),
        "foundry": FunctionForm("tools[…]", "text.format", 64),
    }
)
_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a rule is believed.

    `recorded`: an answer of the API that was recorded; `reported`: its text in a public report; `guide`: its public
    documentation; `specification`: a schema or standard; `deployer`: our own judgement, which no API enforces. `date`
    is as exact as it is known (`2026-05-29`, `2026`), empty where it is not.
    """

    kind: Literal["recorded", "reported", "guide", "specification", "deployer"]
    where: str = ""
    date: str = ""

    def __str__(self) -> str:
        """Return `reported (owner/name#1, 2026-05-29)`."""
        details = ", ".join(filter(None, (self.where, self.date)))
        return f"{self.kind} ({details})" if details else self.kind


@dataclass(frozen=True, slots=True)
class Rule:
    """`strictness` is `always`, `strict` (only with `strict: true`) or `hint` (quality; can be silenced).

    `lenient` is the severity without `strict: true`, where it is another one.
    """

    id: str
    sentence: str
    evidence: tuple[Evidence, ...]
    severity: Severity = _ERROR
    strictness: str = "always"
    surfaces: tuple[str, ...] = tuple(SURFACES)
    lenient: Severity | None = None

    def applies(self, surface: str, *, strict: bool) -> bool:
        """Whether the rule holds for a schema that is sent to this surface, with `strict: true` or without."""
        return surface in self.surfaces and (strict or self.strictness != "strict")

    def severity_at(self, *, strict: bool) -> Severity:
        """Return how bad a finding is for a schema that is sent with `strict: true`, or without."""
        return self.severity if strict or self.lenient is None else self.lenient


def _reported(where: str, date: str = "") -> Evidence:
    return Evidence("reported", where, date)


def _specified(where: str, date: str = "") -> Evidence:
    return Evidence("specification", where, date)


_GUIDE = Evidence("guide", "Structured outputs", "2026-09")
_RECORDED = Evidence("recorded", "openai-dotnet's sessions", "2025-10-30")
_JSON_SCHEMA = _specified("JSON Schema 2020-12")
_OPENAPI = _specified("OpenAPI of the API", "2026-08-21")
_AGENTS = _specified("the SDK's PersistedAgentToolParam", "3.57.0")
_OWN = Evidence("deployer")


def _strict(name: str, sentence: str, *evidence: Evidence, severity: Severity = _ERROR) -> Rule:
    return Rule(name, sentence, evidence, severity, "strict")


def _hint(name: str, sentence: str, *evidence: Evidence, surfaces: tuple[str, ...] = tuple(SURFACES)) -> Rule:
    return Rule(name, sentence, evidence or (_OWN,), _WARNING, "hint", surfaces)


_DEFINITION = (
    Rule("name", "A name is made of ASCII letters, digits, `_` and `-`.", (_OPENAPI,)),
    Rule(
        "name-length",
        "A function name has at most 64 characters, on the responses surface 128.",
        (_OPENAPI,),
        surfaces=("assistants", "responses"),
    ),
    Rule(
        "name-length-unproven",
        "Function names stay within 64 characters.",
        (Evidence("deployer", "not documented; the limit of the assistants surface"),),
        _WARNING,
        surfaces=("agents", "foundry"),
    ),
    Rule(
        "description-length",
        "A description of more than 1024 characters was refused until 2025, and still is by Foundry classic.",
        (_reported("string_above_max_length, run-llama/llama_index#18784", "2025-05"),),
        _WARNING,
    ),
    Rule("description-required", "A function has a description.", (_AGENTS,), surfaces=("agents",)),
    Rule(
        "parameters-required",
        "A function has parameters; without, an empty object is sent.",
        (_AGENTS,),
        _WARNING,
        surfaces=("agents",),
    ),
    Rule("unknown-key", "A definition has the keys of a function, and no others.", (_OWN,)),
    Rule("duplicate-name", "The functions of one assistant have different names.", (_OWN,)),
    Rule(
        "tool-count",
        "An assistant has at most 128 tools.",
        (_OPENAPI, _reported("array_above_max_length")),
    ),
    Rule("examples", "Every example is valid against the parameters.", (_OWN,)),
)
_CHECKABLE = (
    Rule("json", "A schema is JSON: text as keys, no dates, no infinite numbers.", (_specified("RFC 8259"),)),
    Rule(
        "size",
        "A schema takes at most 3 MiB and has at most 50,000 values.",
        (Evidence("guide", "Agents API", "2026-09"), _OWN),
    ),
    Rule("depth", "A schema nests at most 128 levels of lists and mappings.", (_OWN,)),
    Rule("crowd", "Only the first hundred findings of a schema are shown.", (_OWN,), _WARNING),
)
_VALID = (
    Rule("schema", "A schema obeys the metaschema.", (_JSON_SCHEMA, _reported("yomorun/yomo#860"))),
    Rule(
        "type-name",
        "Types have the names of JSON Schema, not those of Python, Java or Gemini.",
        (_JSON_SCHEMA, _reported("jxnl/instructor-rs#9")),
    ),
    Rule(
        "pattern",
        "A pattern is a regular expression that Python's `re` can compile.",
        (_reported("pleaseai/shunt#488, BerriAI/litellm#40485", "2026-09"),),
    ),
    Rule(
        "pattern-lookaround",
        "A pattern has no lookahead and no lookbehind.",
        (
            _reported("Dokploy/mcp#45", "2026-05-25"),
            _reported("decolua/9router#1556", "2026-05-29"),
            _reported("vercel/ai#21037: a strict function", "2026-09-17"),
            _reported("pleaseai/shunt#558: refused, and later not", "2026-09-14"),
        ),
        lenient=_WARNING,
    ),
    Rule("pattern-length", "Patterns are short enough to be compiled here.", (_OWN,), _WARNING),
    Rule("reference", "A `$ref` leads to a place in the same schema.", (_JSON_SCHEMA,)),
    Rule("reference-circle", "A chain of `$ref`s comes to a schema that describes something.", (_JSON_SCHEMA,)),
    Rule(
        "root-type",
        "The root is of `type: object`.",
        (_reported("chatanywhere/GPT_API_free#403"), _reported("browserbase/stagehand#1159")),
    ),
    Rule(
        "root-combinator",
        "The root has none of oneOf, anyOf, allOf, enum, const, not.",
        (_reported("nspady/google-calendar-mcp#39"), _reported("CherryHQ/stella#781: const too", "2026-07-24")),
    ),
    Rule(
        "root-properties",
        "The root has `properties`, be they empty.",
        (_reported("containers/kubernetes-mcp-server#717", "2026-02-02"),),
    ),
    Rule(
        "array-items",
        "An array says what its `items` are, also beside `prefixItems`.",
        (_reported("streamnative/streamnative-mcp-server#26"), _reported("AnswerDotAI/fastcore#798")),
    ),
    Rule(
        "enum-type",
        "Values of `enum` and `const` are of the type beside them.",
        (
            _reported("can1357/oh-my-pi#1835: an enum of a strict function", "2026-06-04"),
            _reported("ArcadeAI's converter for OpenAI: an enum of integers"),
            _JSON_SCHEMA,
        ),
        lenient=_WARNING,
    ),
    Rule("enum-null", "An enum lists null where the type beside it admits null.", (_JSON_SCHEMA,), _WARNING),
    Rule("default-type", "A default and examples are of the type beside them.", (_OWN,), _WARNING),
    Rule("no-value", "Bounds, `enum` and `const` together leave a value that can be sent.", (_OWN,), _WARNING),
    Rule("required-undeclared", "`required` names properties that `properties` declares.", (_OWN,), _WARNING),
)
_STRICT_SUBSET = (
    _strict("strict-additional-properties", "Every object has `additionalProperties: false`.", _RECORDED, _GUIDE),
    _strict(
        "strict-required",
        "`required` lists every property, and nothing else.",
        _reported("a response format of the Responses API"),
        _GUIDE,
    ),
    _strict(
        "strict-keyword",
        "No allOf, oneOf, not, if, dependentRequired, dependentSchemas; no uniqueItems, contains, propertyNames, "
        "minProperties, maxProperties.",
        _GUIDE,
        _reported("makenotion/notion-mcp-server#102: allOf"),
        _reported("openai/openai-node#1709: oneOf", "2025-11-26"),
        _reported("1jehuang/jcode#687: uniqueItems", "2026-07-31"),
        _reported("QuackbackIO/quackback#507: propertyNames", "2026-09-06"),
        _reported("a converter's measurements: minProperties, contains, if, not", "2026"),
        _reported("a project's regression test: maxProperties", "2026"),
    ),
    _strict(
        "strict-keyword-unproven",
        "No keyword that the guide does not list; that these are refused is not proven.",
        Evidence("guide", "Structured outputs: not listed", "2026-09"),
        Evidence("deployer", "the SDK for JavaScript refuses most of them"),
        severity=_WARNING,
    ),
    _strict(
        "strict-default",
        "No `default`: Azure refuses it, api.openai.com no longer does.",
        _reported("openai/openai-agents-python#4390"),
        severity=_WARNING,
    ),
    _strict("strict-format", "A `format` is one of the nine supported.", _reported("can1357/oh-my-pi#206"), _GUIDE),
    _strict(
        "strict-type",
        "Every schema has a `type`, `anyOf` or `$ref`, also beside `enum` and `const`.",
        _reported("apexive/odoo-llm#212"),
        _reported("can1357/oh-my-pi#211"),
        _reported("three public logs: a bare const", "2026"),
    ),
    _strict(
        "strict-reference",
        "A `$ref` leads to the root or a top-level definition.",
        _reported("dotnet/extensions#6918", "2025-10-14"),
    ),
    _strict(
        "strict-reference-alone",
        "A `$ref` has no keywords beside it.",
        _reported("camel-ai/camel#3001", "2025-08-10"),
        _reported("defog-ai/defog#244", "2026-03-13"),
    ),
    _strict(
        "strict-properties",
        "At most 5000 properties in all.",
        _GUIDE,
        _reported("a measurement with gpt-5.6-luna", "2026"),
    ),
    _strict("strict-depth", "At most 10 levels of nesting.", _GUIDE, _reported("tidyverse/ellmer#671")),
    _strict("strict-strings", "Names, enum and const values have at most 120,000 characters in all.", _GUIDE),
    _strict("strict-enum-count", "At most 1000 enum values in all.", _GUIDE, _reported("a message of the API")),
    _strict("strict-enum-size", "An enum of more than 250 texts has at most 15,000 characters.", _GUIDE),
)
_HANDLERS = (
    Rule("handler-form", "A handler is written MODULE:CALLABLE.", (_OWN,)),
    Rule("handler-missing", "The handler's module and name exist.", (_OWN,)),
    Rule("handler-unreadable", "The handler's module can be parsed.", (_OWN,), _WARNING),
    Rule("handler-import", "The handler can be imported and described (with --import-handlers).", (_OWN,)),
    Rule("handler-names", "Every property is a parameter that can be passed by name.", (_OWN,)),
    Rule("handler-required", "What the handler needs is required.", (_OWN,)),
    Rule("handler-types", "Every value that the schema admits is one that the handler takes.", (_OWN,)),
    Rule("handler-defaults", "A default told to the model is the handler's own.", (_OWN,)),
)
_HINTS = (
    _hint("parameter-description", "A parameter has a description: it is what the model reads."),
    _hint("enum-in-prose", "Values that the description lists belong into `enum`."),
    _hint("foreign-keyword", "Keywords of OpenAPI, Gemini, form libraries and editors say nothing in JSON Schema."),
    _hint("unknown-keyword", "A keyword that JSON Schema does not know says nothing.", _JSON_SCHEMA),
    _hint(
        "strict-unset",
        "Without `strict`, Responses tries a function as a strict one.",
        _reported("open-webui/open-webui#30046, langchain-ai/langchain#39309", "2026"),
        surfaces=("responses",),
    ),
    _hint(
        "many-functions",
        "A model chooses best among at most 20 functions.",
        Evidence("guide", "Function calling", "2026-09"),
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {rule.id: rule for group in (_DEFINITION, _CHECKABLE, _VALID, _STRICT_SUBSET, _HANDLERS, _HINTS) for rule in group}
)


def rules_table() -> str:
    """Return the rules as a Markdown table, for the documentation."""
    head = ["| rule | says | applies | severity | evidence |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(_row(rule) for rule in RULES.values())]) + "\n"


def _row(rule: Rule) -> str:
    where = "" if rule.surfaces == tuple(SURFACES) else f" on {', '.join(rule.surfaces)}"
    lenient = f" with `strict: true`, else {rule.lenient}" if rule.lenient else ""
    evidence = "; ".join(map(str, rule.evidence))
    return f"| `{rule.id}` | {rule.sentence} | {rule.strictness}{where} | {rule.severity}{lenient} | {evidence} |"
