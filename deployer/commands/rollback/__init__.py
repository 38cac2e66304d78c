"""deployer rollback: the way back from an apply."""

from deployer.commands.rollback.command import command

__all__ = ["command"]
