"""What a change of a function means for the application that handles its calls: the table of all kinds."""

from __future__ import annotations

from dataclasses import dataclass

Pointer = tuple[str | int, ...]

BREAKING = {
    "function-renamed": "The model calls a name that the application does not know.",
    "function-added": "The model calls a function that the application does not know.",
    "strict-dropped": "Nothing holds the model to the schema any longer.",
    "property-added": "The model sends a property that the handler does not know.",
    "property-removed-required": "The model no longer sends a property that the handler relies on.",
    "required-dropped": "The model may leave out a property that the handler relies on.",
    "additional-properties-opened": "The model may send undeclared properties.",
    "type-added": "The model may send a type that the handler does not expect.",
    "nullable-added": "The model may send null.",
    "enum-member-added": "The model may send a value that the handler does not know.",
    "enum-dropped": "The model may send values other than the known ones.",
    "bound-loosened": "The model may send values beyond a bound that the handler relies on.",
    "constraint-dropped": "The model may send what a keyword used to exclude.",
    "alternative-added": "The model may send a form that no old alternative admits.",
    "undecidable": "It cannot be shown that the handler knows everything that the model may send now.",
}
COMPATIBLE = {
    "function-removed": "The model no longer calls the function.",
    "strict-added": "The API holds the model to the schema.",
    "setting-changed": "A setting that does not concern the arguments.",
    "annotation-changed": "Words for the model; the arguments stay what they are.",
    "order-changed": "The order in which the model writes the properties.",
    "property-removed": "The model no longer sends a property that was optional.",
    "required-added": "The model always sends a property that was optional.",
    "additional-properties-closed": "The model sends fewer undeclared properties, or none.",
    "type-removed": "The model no longer sends one of the types.",
    "nullable-removed": "The model no longer sends null.",
    "enum-member-removed": "The model no longer sends one of the values.",
    "enum-added": "The model sends only some of the values that were possible.",
    "bound-tightened": "The model sends fewer of the values that were possible.",
    "constraint-added": "A keyword excludes some of what was possible.",
    "rewritten": "Written in another way; the model can send nothing that was not possible before.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """`pointer` is a path in the new function definition; what was removed has the path that it had."""

    pointer: Pointer
    what: str
    breaking: bool
    kind: str

    @property
    def place(self) -> str:
        """The words by which people know the place: `questions[].choices`."""
        return place(self.pointer)


def difference(kind: str, pointer: Pointer, what: str) -> Difference:
    """Classify by the table; an unknown kind is a KeyError."""
    breaking = kind in BREAKING
    if not breaking:
        COMPATIBLE[kind]
    return Difference(pointer, what, breaking, kind)


def place(pointer: Pointer) -> str:
    """Leave out of a path what only JSON Schema needs, and the keyword at its end; the function itself has no words."""
    text, named = "", False
    start = pointer[:2].index("parameters") + 1 if "parameters" in pointer[:2] else len(pointer)  # 1: behind its name
    inside = pointer[start:]
    for index, part in enumerate(inside):
        if isinstance(part, int):
            text += f"[{part}]"
        elif part == "items" and not named:
            text += "[]"
        elif named or (part != "properties" and index < len(inside) - 1):
            text += f".{part}" if text else part
        named = part == "properties" and not named
    return text


def kinds_table() -> str:
    """The classification as Markdown."""
    rows = [f"| `{kind}` | breaking | {text} |" for kind, text in BREAKING.items()]
    rows += [f"| `{kind}` | compatible | {text} |" for kind, text in COMPATIBLE.items()]
    return "\n".join(["| kind | for the handler | what it means |", "|---|---|---|", *rows]) + "\n"
