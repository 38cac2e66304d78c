"""deployer watch: continuous reconciliation, with health and metrics."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import click

from deployer.commands import interrupts
from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, plan_options, project_options
from deployer.errors import EXIT_DONE, DeployerError
from deployer.render.lines import plain

if TYPE_CHECKING:
    from deployer.project import PlanOptions
    from deployer.project.watching import Standing

_ENDED = "interrupted in the middle of requests, which may have been carried out or not: the next start looks first"


@click.command("watch")
@project_options
@plan_options
@click.option(
    "--interval", type=click.FloatRange(min=1), default=60.0, metavar="SECONDS", help="Between two rounds. [60]"
)
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Serve /healthz and /metrics; 0: a free one.")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Where to serve them. [127.0.0.1]")
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    options: PlanOptions,
    targets: tuple[str, ...],
    interval: float,
    port: int | None,
    host: str,
) -> int:
    """Keep the account as the manifest says: plan and apply, every so many seconds and when a file changes.

    No one is asked; the guards are those of apply. One line of JSON a round. While rounds do not end well the pauses
    grow, up to five minutes. SIGTERM and Ctrl-C end it after the requests in flight, with exit code 0.

    \b
    Example:
      deployer watch --account openai
      deployer watch --account openai --interval 300 --port 9090 --host 0.0.0.0
    """
    from deployer.project import StopSignal
    from deployer.project.watching import Watching

    first = choice.load()  # what is wrong at the start is told, and ends it
    options = replace(options, targets=first.addresses(targets))
    stop = StopSignal()
    watching = Watching(choice.load, first.manifest.root, interval, options, stop, tell, apart=_written())
    with interrupts.handled(stop.set, _ENDED), _served(watching.standing, host, port):
        for one in watching.rounds():
            click.echo(plain(one.line()))
    return EXIT_DONE


def _written() -> frozenset[tuple[int, int]]:
    """Return the files that this process writes to: a log in the manifest's folder changes with each round."""
    found = set()
    for descriptor in (1, 2):
        with suppress(OSError):  # it was closed
            about = os.fstat(descriptor)
            if stat.S_ISREG(about.st_mode):
                found.add((about.st_dev, about.st_ino))
    return frozenset(found)


@contextmanager
def _served(standing: Standing, host: str, port: int | None) -> Iterator[None]:
    """Answer for health and metrics meanwhile, where a port is given."""
    if port is None:
        yield
        return
    try:
        server = ThreadingHTTPServer((host, port), _handler(standing))
    except OSError as error:
        raise DeployerError(f"port {port} of {host} cannot be used ({error.strerror}); name another one") from None
    click.echo(f"health and metrics: http://{host}:{server.server_port}/healthz and /metrics", err=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(standing: Standing) -> type[BaseHTTPRequestHandler]:
    class HealthHandler(BaseHTTPRequestHandler):
        timeout = 5
        server_version, sys_version = "deployer", ""

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/healthz":
                    well = standing.healthy(time.time())
                    self._answer(200 if well else 503, "ok\n" if well else "a round does not end\n")
                case "/metrics":
                    self._answer(200, standing.metrics(), "text/plain; version=0.0.4; charset=utf-8")
                case _:
                    self._answer(404, "here are /healthz and /metrics\n")

        def _answer(self, status: int, text: str, sort: str = "text/plain; charset=utf-8") -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", sort)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing: standard error is for people."""

    return HealthHandler
