"""deployer export: a manifest from what is live."""

from deployer.commands.export.command import command

__all__ = ["command"]
