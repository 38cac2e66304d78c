"""Whether files can be used: what file search and the code interpreter take."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer import remote
from deployer.model import DesiredFile

MAX_BYTES = 512 * 1024 * 1024
MAX_PATH = 256
Wrong = tuple[str, str]
"""What is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes files: which types, and what else can be done with others."""

    name: str
    suffixes: frozenset[str]
    advice: str


_TEXTS = frozenset(
    {".c", ".cpp", ".cs", ".css", ".doc", ".docx", ".html", ".java", ".js", ".json", ".md", ".pdf", ".php", ".pptx"}
    | {".py", ".rb", ".sh", ".tex", ".ts", ".txt"}
)
# By the public guides to retrieval and to the code interpreter.
FILE_SEARCH = Taker("file search", _TEXTS | {".go"}, "convert it (to .md, .txt, .pdf, .json …), or narrow the glob")
CODE_INTERPRETER = Taker(
    "the code interpreter",
    _TEXTS | {".csv", ".gif", ".jpeg", ".jpg", ".pkl", ".png", ".tar", ".xlsx", ".xml", ".zip"},
    "convert it (to .csv, .json, .zip …), or narrow the glob",
)


def unfit(root: Path, file: DesiredFile, taker: Taker) -> Iterable[Wrong]:
    suffix = os.path.splitext(file.name)[1].lower()  # noqa: PTH122 (of ten thousand, each costs)
    if suffix not in taker.suffixes:
        what = f"{suffix} files" if len(suffix) > 1 else "files without an extension"
        yield f"{file.path}: {taker.name} takes no {what}", taker.advice
    if file.size == 0:
        yield f"{file.path} is empty", "write something into it, or narrow the glob"
    if file.size > MAX_BYTES:
        yield f"{file.path} has {file.size:,} bytes; the limit is {MAX_BYTES:,}", "split the document"
    if not (remote.is_url(file.source) or os.access(f"{root}/{file.source}", os.R_OK)):
        yield f"{file.path} cannot be read", "check its permissions"
    if len(file.path) > MAX_PATH:
        yield f"{file.path}: the path has {len(file.path)} characters; the limit is {MAX_PATH}", "shorten it"


def overlap(chunking: Mapping[str, int]) -> Wrong | None:
    """Give what is wrong with chunking beyond what the schema sees."""
    most, found = chunking["max_chunk_size_tokens"] // 2, chunking["chunk_overlap_tokens"]
    if found * 2 <= chunking["max_chunk_size_tokens"]:
        return None
    return f"an overlap of {found} is more than half of {chunking['max_chunk_size_tokens']}", f"the most is {most}"
