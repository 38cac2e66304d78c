"""Text from outside, made harmless for a terminal."""

import unicodedata


def plain(text: str) -> str:
    """Make control characters (and what reorders or hides text) visible: an account must not forge a terminal."""
    if text.isprintable():
        return text
    return "".join(_visible(one) for one in text)


def _visible(one: str) -> str:
    if one == "\n":
        return "⏎"
    return one.encode("unicode_escape").decode() if unicodedata.category(one)[0] == "C" else one
