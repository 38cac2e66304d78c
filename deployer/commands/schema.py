"""deployer schema: the JSON Schema of the manifest."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.option("--fragment", is_flag=True, help="The schema of files that a manifest includes.")
def command(*, fragment: bool) -> None:
    """Print the JSON Schema of the manifest, by which editors complete and check it.

    Save it, and name it in the first line of the manifest: # yaml-language-server: $schema=manifest.schema.json.

    \b
    Example:
      deployer schema > manifest.schema.json
      deployer schema --fragment > fragment.schema.json
    """
    from deployer.manifest import schema

    found = schema.of_fragments() if fragment else schema.load("manifest.schema.json")
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))
