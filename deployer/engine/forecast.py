"""How long the rate limits of an account alone make a plan take."""

from collections.abc import Mapping

from deployer.model import Limits


def seconds(limits: Limits, uploads: int, attaches: Mapping[str, int], files: int) -> float:
    """Give what the tightest limit requires; they run beside each other.

    `attaches` counts the requests that attach, by store. A limit of so many per minute is taken as a steady rate: a
    fresh minute would let a first burst through, but the public docs say that limits may be enforced over shorter
    periods (guides/rate-limits).
    """
    busiest = max(attaches.values(), default=0)
    return max(_at(limits.uploads, uploads), _at(limits.attaches, busiest), _at(limits.files, files))


def _at(per_minute: int | None, count: int) -> float:
    return 60 * count / per_minute if per_minute else 0.0
