"""Secrets of an account, by reference: `${env.NAME}`, `${file.PATH}`, and `${cmd.COMMAND}` where it is allowed.

What stands where is never repeated in a message, nor what a command says: it may be a secret.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.errors import DeployerError
from deployer.manifest.document import read_text
from deployer.manifest.variables import REFERENCE, SECRET, Unresolved, Unset
from deployer.model import Problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_BYTES = 65_536
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class SecretReferences:
    """What references of one account are resolved by; `warnings` takes what was odd about files that were read.

    `commands`: whether `${cmd.…}` may be run. `offline`: no command is run.
    """

    root: Path
    environ: Mapping[str, str]
    commands: bool = False
    offline: bool = False
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def resolved(self, text: str) -> str:
        """Return the text with its references replaced; Unset where what is named is not here, Unresolved else."""
        return REFERENCE.sub(lambda match: "${" if match[1] is None else self._value(match[1]), text)

    def _value(self, reference: str) -> str:
        found = SECRET.match(reference)
        if reference.startswith("row."):
            raise Unresolved("this is a value of a row, and no row is chosen", "add --fleet")
        if not found:
            # what stands here may be a secret: it is not repeated
            remedy = "only ${env.NAME}, ${file.PATH} and ${cmd.COMMAND} are read in accounts"
            raise Unresolved("this is not a reference to the environment", remedy)
        name = reference[found.end() :]
        match found[1]:
            case "env":
                return self._environment(name)
            case "file":
                return self._file(name)
            case _:
                return self._command(name)

    def _environment(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            remedy = "only ${env.NAME}, ${file.PATH} and ${cmd.COMMAND} are read in accounts"
            raise Unresolved("this is not a reference to the environment", remedy)
        if value := self.environ.get(name):
            return value
        raise Unset(f"the environment variable {name} is not set", f"export {name}=… and run again")

    def _file(self, name: str) -> str:
        path = self.root / name
        try:
            state = path.stat()
            if not stat.S_ISREG(state.st_mode):
                raise Unresolved(f"{name} is not a regular file", "name the file of the secret")
            self._check_mode(name, state.st_mode)
            if state.st_size > _MOST_BYTES:
                raise Unresolved(f"{name} is larger than {_MOST_BYTES:,} bytes", "name a file with the secret alone")
            text = path.read_bytes().decode("utf-8-sig")
        except (FileNotFoundError, NotADirectoryError):
            if path.is_symlink():
                raise Unset(f"{name} is a link that leads nowhere", "correct it, or mount what it leads to") from None
            raise Unset(
                f"the file {name} does not exist", "mount or write it; paths are relative to the manifest"
            ) from None
        except OSError as error:
            raise Unresolved(f"{name} cannot be read ({error.strerror})", "check its permissions") from None
        except UnicodeDecodeError:
            raise Unresolved(f"{name} is not UTF-8 text", "write the secret as text") from None
        return _one_line(text, f"the file {name}")

    def _check_mode(self, name: str, mode: int) -> None:
        if os.name == "nt":
            return  # these bits say nothing there
        if mode & stat.S_IWOTH:
            raise Unresolved(f"everybody may write {name}", f"chmod o-w {shlex.quote(name)}")
        if mode & stat.S_IROTH:
            self.warnings.append(
                (f"everybody on this machine may read {name}", f"chmod o-r {shlex.quote(name)}, if you can")
            )

    def _command(self, text: str) -> str:
        import subprocess

        if not self.commands:
            raise Unresolved("this account runs no commands", "add commands: true to it, if the manifest is trusted")
        if self.offline:
            raise Unset("a command is run only where the account is called", "")
        try:
            words = shlex.split(text)
            done = subprocess.run(  # noqa: S603 (what a trusted manifest says, without a shell)
                words, cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
            )
        except (ValueError, IndexError):
            raise Unresolved("this is no command", "write ${cmd.PROGRAM ARGUMENTS}, with quotes in pairs") from None
        except OSError as error:
            raise Unresolved(f"the command cannot be run ({error.strerror})", "check its name and the PATH") from None
        except subprocess.TimeoutExpired:
            raise Unresolved(f"the command has not ended after {_PATIENCE:.0f} s", "run it by hand") from None
        if done.returncode:
            raise Unresolved(f"the command failed (exit code {done.returncode})", "run it by hand to see why")
        return _one_line(done.stdout.decode("utf-8", "replace"), "what the command prints")


@dataclass(frozen=True, slots=True)
class SecretSource:
    """A secret that can be asked for again, in the environment of this process: what a program prints may end."""

    text: str
    root: Path
    commands: bool

    def __call__(self) -> str:
        """Return the secret of now; DeployerError where there is none."""
        try:
            return SecretReferences(self.root, os.environ, self.commands).resolved(self.text)
        except Unresolved as error:
            raise DeployerError(f"the key cannot be asked for again: {error.message}; {error.remedy}") from None


def _one_line(text: str, what: str) -> str:
    """Return a secret without its last line end; one that could not stand in a header is refused."""
    value = text.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise Unresolved(f"{what} is empty", "write the secret there")
    if not value.isprintable():
        raise Unresolved(f"{what} has more than one line, or control characters", "leave the secret alone there")
    return value


def environment_of(file: Path) -> dict[str, str]:
    """Read NAME=VALUE lines, as a `.env` has them; DeployerError where there are none."""
    read = read_text(file, file.as_posix())
    if isinstance(read, Problem):
        raise DeployerError(str(read))
    found: dict[str, str] = {}
    for number, line in enumerate(read.split("\n"), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not (equals and _NAME.fullmatch(name)):
            raise DeployerError(f"{file}:{number}: this is not NAME=VALUE; correct the line, or put # before it")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        found[name] = value[1:-1] if quoted else value.partition(" #")[0].rstrip()
    return found
