"""`python` assertions: code of a test, run in a thread of this process, as Promptfoo runs it."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Mapping
from typing import Any

from deployer.errors import DeployerError
from deployer.testing.cases import Assertion
from deployer.testing.judges import Verdict
from deployer.testing.observation import Observation
from deployer.testing.reading import FILE_MARK

_SECONDS = 60.0


async def checked_by_python(one: Assertion, seen: Observation) -> Verdict:
    """Run the code of an assertion; DeployerError, with its place, where it raises or says what is no verdict."""
    context = {
        "vars": {},
        "prompt": "",
        "calls": [{"name": call.name, "arguments": call.arguments} for call in seen.calls],
    }
    try:
        found = await asyncio.wait_for(asyncio.to_thread(_run, str(one.value), seen.output, context), _SECONDS)
    except TimeoutError:
        raise DeployerError(f"{one.position}: python has not ended after {_SECONDS:.0f} s; correct it") from None
    except Exception as error:  # noqa: BLE001 (code of others may raise anything)
        raise DeployerError(f"{one.position}: python raised {type(error).__name__}: {error}; correct it") from None
    return _verdict(one, found)


def _run(code: str, output: str, context: Mapping[str, Any]) -> Any:
    names: dict[str, Any] = {"output": output, "context": context}
    if code.startswith(FILE_MARK):
        first, _, rest = code.partition("\n")
        exec(compile(rest, "<python assertion>", "exec"), names)  # noqa: S102 (allowed by --allow-python)
        return names[first.removeprefix(FILE_MARK)](output, context)
    lines = code.strip()
    if "\n" not in lines and not lines.startswith("return "):
        return eval(compile(lines, "<python assertion>", "eval"), names)  # noqa: S307 (as above)
    body = f"def _checked(output, context):\n{textwrap.indent(code, '    ')}\n"
    exec(compile(body, "<python assertion>", "exec"), names)  # noqa: S102 (as above)
    return names["_checked"](output, context)


def _verdict(one: Assertion, found: Any) -> Verdict:
    """Read what the code returned: a truth, a score, or a mapping with `pass`, `score` and `reason`."""
    if isinstance(found, Mapping) and isinstance(found.get("pass", found.get("pass_")), bool):
        passed = bool(found.get("pass", found.get("pass_")))
        return Verdict(
            passed, float(found.get("score", passed)), str(found.get("reason", "")) or f"python says {passed}"
        )
    if isinstance(found, bool):
        return Verdict(found, float(found), f"python says {found}")
    if isinstance(found, int | float):
        least = one.threshold if one.threshold is not None else 0.0
        passed = found >= least if one.threshold is not None else found > 0
        return Verdict(passed, float(found), f"python scores {found:g}")
    raise DeployerError(
        f"{one.position}: python returned {type(found).__name__}; return a bool, a number, or a dict with pass"
    )
