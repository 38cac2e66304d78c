"""Text from outside, made harmless for a terminal."""

import json
import unicodedata


def plain(text: str) -> str:
    """Make control characters (and what breaks lines, reorders or hides text) visible: nobody forges a terminal."""
    if text.isprintable():
        return text
    return "".join("⏎" if one == "\n" else one.encode("unicode_escape").decode() if _acts(one) else one for one in text)


def plain_json(text: str) -> str:
    """Do the same to JSON text, by JSON's own escapes: it says what it said. Its line breaks are layout, and stay."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(json.dumps(one)[1:-1] if one != "\n" and _acts(one) else one for one in text)


def _acts(one: str) -> bool:
    category = unicodedata.category(one)
    return category.startswith("C") or category in {"Zl", "Zp"}


def plain_text(text: str) -> str:
    """Make text of several lines harmless; its line ends are ours."""
    return "\n".join(plain(line) for line in text.split("\n"))
