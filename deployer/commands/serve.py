"""deployer serve: the embedded account over HTTP."""

from __future__ import annotations

import ipaddress
import secrets
import sqlite3
from pathlib import Path

import click

from deployer.errors import EXIT_DONE, DeployerError


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
@click.option("--key", envvar="DEPLOYER_SERVE_KEY", help="The API key that clients must send.", show_envvar=True)
def command(host: str, port: int, data: Path, key: str | None) -> int:
    """Serve the embedded account: Files, Uploads, Vector stores, Assistants v2, Agents and Models, kept in a folder.

    It is the account that commands use when the manifest names no other. On 127.0.0.1 any key is accepted unless
    --key names one; on every other address one is required, and made when none is given.

    \b
    Example:
      deployer serve
      OPENAI_BASE_URL=http://127.0.0.1:8787/v1 OPENAI_API_KEY=any python app.py
    """
    from deployer.server import serve

    if key is None and not _is_loopback(host):
        key = secrets.token_urlsafe(24)
        click.echo(f"API key (made for this run): {key}")
    try:
        serve(
            data,
            host,
            port,
            key,
            lambda url: click.echo(f"The embedded account in {data} is at {url} (Ctrl-C stops it)"),
        )
    except (OSError, ValueError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise DeployerError(f"cannot serve on {host}:{port} from {data} ({why})") from None
    return EXIT_DONE


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
