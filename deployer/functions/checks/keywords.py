"""The vocabulary: keywords of JSON Schema, words of others that stand in schemas, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from deployer.functions.checks.subject import Subject, shown
from deployer.functions.checks.validity import KEYWORDS
from deployer.functions.rules import Finding
from deployer.functions.tree import SCHEMA_KEYWORDS, Node

# of 2020-12 and of the drafts before it, as far as its metaschema keeps them
KNOWN = frozenset({*KEYWORDS, *SCHEMA_KEYWORDS, "const", "default", "additionalItems"})
_LEFT_OUT = "leave it out, or say it in the description"
_VENDORS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("OpenAPI", "write `type: [string, 'null']`, with the right type", ("nullable",)),
    ("OpenAPI", "write `examples: […]`, or say it in the description", ("example",)),
    ("OpenAPI", "leave it out; constants in the branches of `anyOf` tell them apart", ("discriminator",)),
    ("OpenAPI", _LEFT_OUT, ("xml", "externalDocs", "collectionFormat")),
    ("draft 2", "leave the property out of `required`", ("optional",)),
    ("draft 3", "write `multipleOf`", ("divisibleBy",)),
    ("draft 3", "write `not`", ("disallow",)),
    ("draft 3", "write `allOf`", ("extends",)),
    ("draft 4", "write `$id`", ("id",)),
    ("Gemini", "write the properties in that order", ("propertyOrdering",)),
    ("VS Code", "write `description`", ("markdownDescription",)),
    ("VS Code", _LEFT_OUT, ("enumDescriptions", "markdownEnumDescriptions", "defaultSnippets", "errorMessage")),
    ("VS Code", _LEFT_OUT, ("patternErrorMessage", "deprecationMessage", "doNotSuggest", "suggestSortText")),
    ("react-jsonschema-form", "write the values under `enum`, their names into the description", ("enumNames",)),
    (
        "ajv-keywords",
        _LEFT_OUT,
        ("instanceof", "typeof", "regexp", "transform", "uniqueItemProperties", "dynamicDefaults"),
    ),
    ("ajv", "write `minimum` and `maximum`, or say it in the description", ("formatMinimum", "formatMaximum")),
    ("Anthropic", "it belongs beside the schema, not inside", ("cache_control",)),
    ("a function definition", "it belongs beside the name, not inside the parameters", ("strict", "parameters")),
)
FOREIGN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {word: (vendor, instead) for vendor, instead, words in _VENDORS for word in words}
)
_MEANT = MappingProxyType(
    {
        **dict.fromkeys(("choices", "options", "values", "allowed_values", "allowedValues", "enumValues"), "enum"),
        **dict.fromkeys(("desc", "doc", "help"), "description"),
        **dict.fromkeys(("min", "minValue", "gte", "ge"), "minimum"),
        **dict.fromkeys(("max", "maxValue", "lte", "le"), "maximum"),
        **dict.fromkeys(("gt", "exclusiveMin"), "exclusiveMinimum"),
        **dict.fromkeys(("lt", "exclusiveMax"), "exclusiveMaximum"),
        **dict.fromkeys(("regex", "match"), "pattern"),
        **dict.fromkeys(("ref", "reference"), "$ref"),
        **dict.fromkeys(("defs", "def"), "$defs"),
        **dict.fromkeys(("types", "dataType", "data_type"), "type"),
        **dict.fromkeys(("element", "elements", "item_type", "itemType"), "items"),
        **dict.fromkeys(("fields", "props", "attributes"), "properties"),
    }
)


def unknown(subject: Subject, node: Node) -> Iterator[Finding]:
    """Report each word that no validator knows; `x-…` is there for whoever likes."""
    for word in node.schema:
        if word in KNOWN or word.startswith("x-"):
            continue
        where = (*node.pointer, word)
        if word in FOREIGN:
            vendor, instead = FOREIGN[word]
            message = f"`{word}` is a word of {vendor}, not JSON Schema, and is passed over"
            yield subject.at("foreign-keyword", where, message, instead)
        else:
            near = meant(word)
            remedy = f"did you mean `{near}`?" if near else _LEFT_OUT
            message = f"`{shown(word)[1:-1]}` is no keyword of JSON Schema and is passed over"
            yield subject.at("unknown-keyword", where, message, remedy)


def meant(word: str) -> str | None:
    """Return the keyword that a misspelt or made-up one stands for; None where none is near."""
    if word in _MEANT:
        return _MEANT[word]
    folded = {keyword.lower(): keyword for keyword in KNOWN}
    near = get_close_matches(word.lower().replace("_", ""), folded, n=1, cutoff=0.75)
    return folded[near[0]] if near else None
