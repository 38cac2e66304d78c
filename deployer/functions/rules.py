"""Every rule about function schemas: what it says, who says so, where it applies; and what a rule has to say.

The table drives the checks: they ask `applies`, and the documentation shows the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deployer.model import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """`pointer` is the path inside the function definition (or schema); `says` predicts the API's own message."""

    rule: str
    pointer: tuple[str | int, ...]
    message: str
    remedy: str
    severity: Severity = Severity.ERROR
    source: str = ""
    says: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionForm:
    """How a surface takes functions.

    `field` is what its messages call one, `…` for its place in the request; `strict` whether a function has the flag;
    `root_reference` whether the root of the parameters may be a `$ref` (the SDK's own helper for agents makes such).
    """

    field: str
    longest_name: int
    strict: bool = True
    root_reference: bool = False


SURFACES: Mapping[str, FunctionForm] = MappingProxyType(
    {
        "assistants": FunctionForm("tools[…].function", 64),
        "agents": FunctionForm("tools[…]", 64, strict=False, root_reference=True),
        "responses": FunctionForm("tools[…]", 128),
        "foundry": FunctionForm("tools[…]", 64),
    }
)
_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Rule:
    """`strictness` is `always`, `strict` (only with `strict: true`) or `hint` (quality; can be silenced)."""

    id: str
    sentence: str
    source: str
    severity: Severity = _ERROR
    strictness: str = "always"
    surfaces: tuple[str, ...] = tuple(SURFACES)

    def applies(self, surface: str, *, strict: bool) -> bool:
        """Whether the rule holds for a schema that is sent to this surface, with `strict: true` or without."""
        return surface in self.surfaces and (strict or self.strictness != "strict")


_GUIDE = "public docs, guide Structured outputs"
_SPEC = "JSON Schema 2020-12"
_REPORTED = "reported 400"
_OURS = "deployer"
_NAMING = "OpenAPI of the API"


def _strict(name: str, sentence: str, source: str, severity: Severity = _ERROR) -> Rule:
    return Rule(name, sentence, source, severity, "strict")


def _hint(name: str, sentence: str, source: str = _OURS) -> Rule:
    return Rule(name, sentence, source, _WARNING, "hint")


_ALL = (
    # the definition
    Rule("name", "A name is made of ASCII letters, digits, `_` and `-`.", f"{_NAMING}: FunctionObject.name"),
    Rule(
        "name-length",
        "A function name has at most 64 characters, on the responses surface 128.",
        f"{_NAMING}: FunctionObject.name, FunctionToolParam.name",
        surfaces=("assistants", "responses"),
    ),
    Rule(
        "name-length-unproven",
        "Function names stay within 64 characters.",
        "not documented; the limit of the assistants surface",
        _WARNING,
        surfaces=("agents", "foundry"),
    ),
    Rule(
        "description-length",
        "A description of more than 1024 characters was refused until 2025, and still is by Foundry classic.",
        "string_above_max_length, run-llama/llama_index#18784",
        _WARNING,
    ),
    Rule(
        "description-required",
        "A function has a description.",
        "SDK type PersistedAgentToolParam",
        surfaces=("agents",),
    ),
    Rule(
        "parameters-required",
        "A function has parameters; without, an empty object is sent.",
        "SDK type PersistedAgentToolParam",
        _WARNING,
        surfaces=("agents",),
    ),
    Rule("duplicate-name", "The functions of one assistant have different names.", _OURS),
    Rule("tool-count", "An assistant has at most 128 tools.", f"{_NAMING}: tools.maxItems; array_above_max_length"),
    Rule("examples", "Every example is valid against the parameters.", _OURS),
    # can it be checked
    Rule("json", "A schema is JSON: text as keys, no dates, no infinite numbers.", "RFC 8259"),
    Rule("size", "A schema takes at most 3 MiB and has at most 50,000 values.", f"public docs, Agents API; {_OURS}"),
    Rule("depth", "A schema nests at most 128 levels of lists and mappings.", _OURS),
    Rule("crowd", "Only the first hundred findings of a schema are shown.", _OURS, _WARNING),
    # is it a schema
    Rule("schema", "A schema obeys the metaschema.", f"{_SPEC}; {_REPORTED} (yomorun/yomo#860)"),
    Rule(
        "type-name",
        "Types have the names of JSON Schema, not those of Python, Java or Gemini.",
        f"{_SPEC}; {_REPORTED} (jxnl/instructor-rs#9)",
    ),
    Rule("pattern", "A pattern is a regular expression that Python's `re` can compile.", "recorded answer"),
    Rule("pattern-length", "Patterns are short enough to be compiled here.", _OURS, _WARNING),
    Rule("reference", "A `$ref` leads to a place in the same schema.", _SPEC),
    Rule("reference-circle", "A chain of `$ref`s comes to a schema that describes something.", _SPEC),
    Rule("root-type", "The root is of `type: object`.", f"recorded answer; {_REPORTED} (browserbase/stagehand#1159)"),
    Rule("root-combinator", "The root has none of oneOf, anyOf, allOf, enum, not.", "recorded answer"),
    Rule(
        "root-properties",
        "The root has `properties`, be they empty.",
        f"{_REPORTED} (containers/kubernetes-mcp-server#340)",
    ),
    Rule("array-items", "An array says what its `items` are, also beside `prefixItems`.", "recorded answer"),
    # the strict subset
    _strict("strict-additional-properties", "Every object has `additionalProperties: false`.", "recorded answer"),
    _strict("strict-required", "`required` lists every property, and nothing else.", "recorded answer"),
    _strict(
        "strict-keyword",
        "No allOf, oneOf, not, if, then, else, dependentRequired or dependentSchemas.",
        f"recorded answer (allOf); {_REPORTED} (openai/openai-node#1709: oneOf); {_GUIDE}",
    ),
    _strict(
        "strict-keyword-unproven",
        "No keyword that the guide does not list.",
        f"not in the {_GUIDE}; the SDK for JavaScript refuses most of them",
        _WARNING,
    ),
    _strict(
        "strict-default",
        "No `default`: Azure refuses it, api.openai.com no longer does.",
        "openai/openai-agents-python#4390",
        _WARNING,
    ),
    _strict("strict-format", "A `format` is one of the nine supported.", f"recorded answer; {_GUIDE}"),
    _strict("strict-type", "Every schema has a `type`, `anyOf` or `$ref`.", f"{_REPORTED} (apexive/odoo-llm#212)"),
    _strict("strict-type-unproven", "An `enum` or `const` has a `type` too.", f"not in the {_GUIDE}", _WARNING),
    _strict(
        "strict-reference",
        "A `$ref` leads to the root or a top-level definition.",
        f"{_REPORTED} (dotnet/extensions#6918)",
    ),
    _strict("strict-reference-alone", "A `$ref` has no keywords beside it.", f"{_REPORTED} (camel-ai/camel#3001)"),
    _strict("strict-properties", "At most 5000 properties in all.", f"recorded answer; {_GUIDE}"),
    _strict("strict-depth", "At most 10 levels of nesting.", f"{_REPORTED} (tidyverse/ellmer#671); {_GUIDE}"),
    _strict("strict-strings", "Names, enum and const values have at most 120,000 characters in all.", _GUIDE),
    _strict("strict-enum-count", "At most 1000 enum values in all.", f"{_REPORTED}; {_GUIDE}"),
    _strict("strict-enum-size", "An enum of more than 250 texts has at most 15,000 characters.", _GUIDE),
    # the Python behind a function
    Rule("handler-form", "A handler is written MODULE:CALLABLE.", _OURS),
    Rule("handler-missing", "The handler's module and name exist.", _OURS),
    Rule("handler-unreadable", "The handler's module can be parsed.", _OURS, _WARNING),
    Rule("handler-import", "The handler can be imported and described (with --import-handlers).", _OURS),
    Rule("handler-names", "Every property is a parameter that can be passed by name.", _OURS),
    Rule("handler-required", "What the handler needs is required.", _OURS),
    Rule("handler-types", "Every value that the schema admits is one that the handler takes.", _OURS),
    Rule("handler-defaults", "A default told to the model is the handler's own.", _OURS),
    # hints
    _hint("parameter-description", "A parameter has a description: it is what the model reads."),
    _hint("enum-in-prose", "Values that the description lists belong into `enum`."),
    _hint("foreign-keyword", "`nullable`, `example` and `optional` say nothing in JSON Schema."),
    _hint("many-functions", "A model chooses best among at most 20 functions.", "public docs, guide Function calling"),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _ALL})


def rules_table() -> str:
    """Write the rules as a Markdown table, for the documentation."""
    head = ["| rule | says | applies | severity | source |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(_row(rule) for rule in RULES.values())]) + "\n"


def _row(rule: Rule) -> str:
    where = "" if rule.surfaces == tuple(SURFACES) else f" on {', '.join(rule.surfaces)}"
    return f"| `{rule.id}` | {rule.sentence} | {rule.strictness}{where} | {rule.severity} | {rule.source} |"
