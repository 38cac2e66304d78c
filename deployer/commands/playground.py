"""deployer playground: a local page to see what is deployed, and to talk to it."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from functools import partial
from pathlib import Path

import click

from deployer.commands import interrupts
from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, project_options
from deployer.errors import EXIT_DONE

_ENDED = "interrupted: the page is closed; conversations stay on the account"


@click.command("playground")
@project_options
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="0 picks a free one. [8788, or a free one]")
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
@click.option("--handlers", is_flag=True, help="Import the handlers of the manifest, and let them answer functions.")
@click.option(
    "--handler-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    help="How long a handler may take. [60]",
)
@click.option(
    "--script", type=click.Path(path_type=Path), metavar="FILE", help="What the embedded account answers: a script."
)
def command(  # noqa: PLR0913 (one argument for each option)
    *,
    choice: ProjectChoice,
    port: int | None,
    no_open: bool,
    handlers: bool,
    handler_timeout: float,
    script: Path | None,
) -> int:
    """Serve a page to see the project, and to talk to its assistants, on this machine only.

    It shows assistants, stores and their documents, the plan, drift and foreign objects, and goes on showing what
    changes. It prints its address, whose token is a new one each time; Ctrl-C ends it. Nothing is written but by
    buttons that say so.

    \b
    Example:
      deployer playground
      deployer playground --account openai --no-open
      deployer playground --script rehearsal.yaml --handlers
    """
    from deployer.commands.chat import script_of
    from deployer.playground import serve_page
    from deployer.playground.observer import AccountObserver

    first = choice.load()  # what is wrong at the start is told, and ends it
    answers = script_of(first.manifest.settings.base_url or "", script) if script else None
    observer, stop = AccountObserver(choice.load, answers, tell), threading.Event()
    announce = partial(_announce, opens=not no_open)
    with interrupts.handled(stop.set, _ENDED):
        serve_page(observer, port, announce, stop.is_set, handler_seconds=handler_timeout if handlers else 0.0)
    return EXIT_DONE


def _has_display() -> bool:
    """Whether a browser has where to show itself: one that takes this very terminal is not wanted."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(one) for one in ("DISPLAY", "WAYLAND_DISPLAY"))


def _announce(url: str, *, opens: bool) -> None:
    click.echo(f"The playground is at {url} (Ctrl-C ends it)")
    if opens and _has_display():
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
