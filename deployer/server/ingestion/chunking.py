"""Text cut into overlapping chunks."""

from __future__ import annotations

CHARACTERS_PER_TOKEN = 4  # an estimate: the service's tokenizer is not needed to be useful offline


def chunks(text: str, size_tokens: int, overlap_tokens: int) -> list[tuple[int, str]]:
    """Each chunk with its place in the text; a chunk ends at a space where there is one in its last quarter."""
    size, overlap = size_tokens * CHARACTERS_PER_TOKEN, overlap_tokens * CHARACTERS_PER_TOKEN
    found: list[tuple[int, str]] = []
    start, end = 0, 0
    while end < len(text):
        end = _end(text, start, size)
        found.append((start, text[start:end]))
        start = max(end - overlap, start + 1)
    return found


def _end(text: str, start: int, size: int) -> int:
    end = start + size
    if end >= len(text):
        return len(text)
    space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
    return space + 1 if space >= start + size * 3 // 4 else end
