"""What lines are made of: segments with a tone instead of a colour."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.render.plain import plain


@dataclass(frozen=True, slots=True)
class Segment:
    """`tone` is one of: plain, dim, strong, new, gone, changed, warn."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Line:
    """`sign`: `+ ~ ± -` what is done, `!` somebody edited it on the account, `?` an orphan, `·` nothing is done."""

    sign: str
    depth: int
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


def dim(text: str) -> Segment:
    return Segment(plain(text), "dim")


def warn(text: str) -> Segment:
    return Segment(plain(text), "warn")
