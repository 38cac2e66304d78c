"""deployer serve: the embedded account over HTTP."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.errors import EXIT_DONE, DeployerError

if TYPE_CHECKING:
    from deployer.manifest.document import SourceDocument
    from deployer.model import ProblemsFound
    from deployer.server import Answerer, Faults, FlawedError


@click.command("serve")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="[127.0.0.1]")
@click.option("--port", default=8787, type=click.IntRange(0, 65535), metavar="PORT", help="0 picks a free one. [8787]")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".deployer/account"),
    metavar="FOLDER",
    help="Where the account is kept. [.deployer/account]",
)
@click.option(
    "--faults", type=click.Path(path_type=Path), metavar="FILE", help="What goes wrong: a bad day, see docs/faults.md."
)
@click.option(
    "--latency", type=click.FloatRange(0, 60_000), default=0, metavar="MS", help="Added to every request. [0]"
)
@click.option(
    "--log", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="A line of JSON for each request."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, metavar="N", help="Processes that answer. [1]")
@click.option("--beside", type=(int, int), hidden=True)  # the ports of the process that started this one
@click.option("--key", envvar="DEPLOYER_SERVE_KEY", help="The API key that clients must send.", show_envvar=True)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    callback=lambda _context, _option, names: tuple(map(_host_name, names)),
    help="Another name by which requests may call it, on any port.",
)
@click.option(
    "--script", type=click.Path(path_type=Path), metavar="FILE", help="What is answered: a script, see docs/talking.md."
)
@click.option("--upstream", metavar="URL", help="A model that answers: an endpoint for chat completions, with /v1.")
@click.option("--upstream-key-env", metavar="NAME", help="The environment variable that holds the key of --upstream.")
@click.option("--upstream-model", metavar="MODEL", help="The model to ask there, whichever one is asked for.")
@click.option("--model-map", multiple=True, metavar="FROM=TO", help="The model to ask there for one that is asked for.")
@click.option(
    "--upstream-calls",
    type=click.Choice(("auto", "native", "json")),
    default="auto",
    help="How the model calls functions: as such, or by an answer in JSON. [auto]",
)
@click.option(
    "--foundry-dedupe",
    type=click.Choice(("off", "definition", "all")),
    default="off",
    help="By what /api/projects takes a version of an agent for no new one. [off]",
)
@click.option(
    "--foundry-attributes",
    type=click.Choice(("kept", "dropped")),
    default="kept",
    help="What becomes of attributes of documents there. [kept]",
)
def command(  # noqa: PLR0913 (one argument for each option)
    *,
    host: str,
    port: int,
    data: Path,
    faults: Path | None,
    latency: float,
    log: Path | None,
    workers: int,
    beside: tuple[int, int] | None,
    key: str | None,
    allow_host: tuple[str, ...],
    script: Path | None,
    upstream: str | None,
    upstream_key_env: str | None,
    upstream_model: str | None,
    model_map: tuple[str, ...],
    upstream_calls: str,
    foundry_dedupe: str,
    foundry_attributes: str,
) -> int:
    """Serve the embedded account, kept in a folder: what is deployed there, and conversations with it.

    It has Files, Uploads, Vector stores, Assistants v2 with threads and runs, Agents and Models, and below
    /api/projects/NAME the agents of Microsoft Foundry.

    It is the account that commands use when the manifest names no other. On 127.0.0.1 any key is accepted unless
    --key names one, and requests must call it by a name of this machine, or by one of --allow-host; on every other
    address a key is required, and made when none is given.

    --workers N answers in N processes over the same folder: more requests at once, where there are more cores.

    --faults makes it fail as a file says: a pipeline can be tried on a bad day. --log - writes to standard output.

    No model answers, unless --upstream names one: --script says what is answered, and without it answers say what they
    were given.

    \b
    Example:
      deployer serve
      deployer serve --workers 4
      deployer serve --script quiz.yaml
      deployer serve --upstream http://127.0.0.1:11434/v1 --upstream-model gemma3
      deployer serve --faults faults.yaml --log requests.jsonl
      OPENAI_BASE_URL=http://127.0.0.1:8787/v1 OPENAI_API_KEY=any python app.py
    """
    _check_choice(faults=faults, log=log, workers=workers, script=script, upstream=upstream)
    answers: Answerer | None = read_answers(script) if script else None
    if upstream:
        models = _model_map(model_map)
        answers = _upstream(upstream, upstream_key_env, model=upstream_model, models=models, calls=upstream_calls)
    if key is None and not _is_loopback(host):
        key = secrets.token_urlsafe(24)
        click.echo(f"API key (made for this run): {key}")
    settings = {"allowed": allow_host, "latency": latency / 1000, "foundry": (foundry_dedupe, foundry_attributes)}
    place = _ServedPlace(data, host, port, key, log, settings)
    if beside:
        return place.serve_beside(*beside)
    day = _faults(faults) if faults else None
    return place.serve(workers, faults=day, answers=answers)


def _check_choice(
    *, faults: Path | None, log: Path | None, workers: int, script: Path | None, upstream: str | None
) -> None:
    if faults and workers > 1:
        raise click.UsageError("--faults and --workers exclude each other: faults count the requests of one process")
    if workers > 1 and str(log) == "-":
        raise click.UsageError("--log - is of one process: with --workers, name a file")
    if script and upstream:
        raise click.UsageError("--script and --upstream exclude each other: either a script answers, or a model")


@dataclass(frozen=True)
class _ServedPlace:
    """Where an account is served, and what every process is told that serves it."""

    data: Path
    host: str
    port: int
    key: str | None
    log: Path | None
    settings: Mapping[str, Any]

    def serve(self, workers: int, **settings: Any) -> int:
        from deployer.server.http import serve

        def ready(url: str) -> None:
            click.echo(f"The embedded account in {self.data} is at {url} (Ctrl-C stops it)")

        more = partial(self._more, workers - 1) if workers > 1 else None
        with self._told(), _lines(self.log) as write:
            options = {**self._options(), **settings}
            serve(self.data, self.host, self.port, self.key, ready, log=write, workers=more, **options)
        return EXIT_DONE

    def serve_beside(self, port: int, home: int) -> int:
        from deployer.server.http import serve_beside

        with self._told(), _lines(self.log) as write:
            serve_beside(
                self.data,
                self.host,
                port,
                home,
                lambda: click.echo("ready"),
                key=self.key,
                log=write,
                **self._options(),
            )
        return EXIT_DONE

    def _options(self) -> dict[str, Any]:
        """Return the settings as every process takes them."""
        from deployer.server import FoundrySwitches

        dedupe, attributes = self.settings["foundry"]
        return {**self.settings, "foundry": FoundrySwitches(dedupe, attributes == "kept")}

    def _more(self, count: int, port: int, home: int) -> AbstractContextManager[None]:
        """Start as many more processes, each by a command of its own; the key is in no list of processes."""
        from deployer.server.workers import Workers

        command = [sys.executable, "-m", "deployer", "serve", "--beside", str(port), str(home)]
        command += ["--data", str(self.data), "--host", self.host, "--latency", str(self.settings["latency"] * 1000)]
        command += ["--log", str(self.log)] if self.log else []
        dedupe, attributes = self.settings["foundry"]
        command += ["--foundry-dedupe", dedupe, "--foundry-attributes", attributes]
        command += [word for name in self.settings["allowed"] for word in ("--allow-host", name)]
        return Workers(command, count, {"DEPLOYER_SERVE_KEY": self.key} if self.key else {}).running()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or error
            raise DeployerError(f"cannot serve on {self.host}:{self.port} from {self.data} ({why})") from None


def _faults(path: Path) -> Faults:
    """Read the file; all that is wrong with it is told at once, each with its line."""
    from deployer.server import FaultsError, read_faults

    found = _document(path)
    try:
        return read_faults(found.data)
    except FaultsError as error:
        raise _problems(found, error) from None


def read_answers(path: Path) -> Answerer:
    """Read the script, as `_faults` reads faults."""
    from deployer.server import Rehearsal, ScriptError, read_script

    found = _document(path)
    try:
        return Rehearsal(read_script(found.data, path.parent))
    except ScriptError as error:
        raise _problems(found, error) from None


def _document(path: Path) -> SourceDocument:
    from deployer.manifest.document import read
    from deployer.model import Problem, ProblemsFound

    found = read(path, str(path))
    if isinstance(found, Problem):
        raise ProblemsFound([found])
    return found


def _problems(found: SourceDocument, error: FlawedError) -> ProblemsFound:
    from deployer.model import Problem, ProblemsFound

    return ProblemsFound([Problem(flaw.message, "", position=found.key_position(flaw.path)) for flaw in error.flaws])


def _upstream(url: str, key_env: str | None, **options: Any) -> Answerer:
    from deployer.server import Upstream

    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} must begin with http:// or https://", param_hint="--upstream")
    key = os.environ.get(key_env) if key_env else None
    if key_env and not key:
        raise DeployerError(f"the environment variable {key_env} is not set (--upstream-key-env)")
    return Upstream(url, key, **options)


def _model_map(pairs: tuple[str, ...]) -> dict[str, str]:
    wrong = [pair for pair in pairs if not all(pair.partition("="))]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} must be FROM=TO, two names of models", param_hint="--model-map")
    return {name: other for name, _, other in (pair.partition("=") for pair in pairs)}


@contextlib.contextmanager
def _lines(path: Path | None) -> Iterator[Callable[[dict[str, Any]], None] | None]:
    """A function that writes data as lines of JSON, each at once; `-` is standard output."""
    if path is None:
        yield None
        return
    try:
        opened = contextlib.nullcontext(sys.stdout) if str(path) == "-" else path.open("a", encoding="utf-8")
    except OSError as error:
        raise DeployerError(f"the log cannot be written to {path} ({error.strerror})") from None
    with opened as file:
        yield lambda line: click.echo(json.dumps(line), file=file)


_HOST_NAME = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|[\w.-]+)(?::\d+)?")


def _host_name(text: str) -> str:
    """Return a host as requests name it, without a port; what could never be named is refused."""
    found = _HOST_NAME.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no name of a host; write each one whole, like deployer.internal")
    return found[1].strip("[]")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
