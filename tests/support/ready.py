"""A program `deployer` for the scripts of tests: it has one that has imported everything run what it is asked for.

Like the real one it has the folder, the environment, the arguments and the open files of whoever calls it, and ends
with the exit code; but it starts in a tenth of the time. It passes on no signals.
"""

from __future__ import annotations

import array
import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer import cli
from deployer.commands import interrupts
from tests.support.tool import ROOT, load

_CALLER = """\
#!{python} -ISE
import array, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    said = [os.getcwd(), *(f"{{name}}={{value}}" for name, value in os.environ.items()), "", *sys.argv[1:]]
    data = "\\0".join(said).encode("utf-8", "surrogateescape")
    files = array.array("i", [0, 1, 2])
    line.sendmsg([len(data).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    line.sendall(data)
    sys.exit(int(line.recv(8) or b"70"))
"""


@contextmanager
def ready() -> Iterator[Path]:
    """Give the folder of the program `deployer`, for a PATH."""
    folder = Path(tempfile.mkdtemp())
    address, program = str(folder / "line"), folder / "deployer"
    program.write_text(_CALLER.format(python=sys.executable, address=address), encoding="utf-8")
    program.chmod(0o755)
    command = [sys.executable, "-m", "tests.support.ready", address]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as stable:
        assert stable.stdout
        assert stable.stdout.readline() == "ready\n"
        try:
            yield folder
        finally:
            stable.kill()
            shutil.rmtree(folder)


def serve(address: str) -> None:
    """Fork a process for each call; as many at once as call."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                _answer(line)
            line.close()


def _answer(line: socket.socket) -> None:
    size, rights, *_ = line.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    for number, file in enumerate(array.array("i", rights[0][2])):
        os.dup2(file, number)
        os.close(file)
    left, data = int.from_bytes(size, "big"), bytearray()
    while len(data) < left:
        data += line.recv(left - len(data))
    folder, *rest = data.decode("utf-8", "surrogateescape").split("\0")
    end = rest.index("")
    os.chdir(folder)
    os.environ.clear()
    os.environ.update({name: value for name, _, value in (one.partition("=") for one in rest[:end])})
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode = "r" if number == 0 else "w"
        setattr(sys, name, io.TextIOWrapper(open(number, f"{mode}b", closefd=False), encoding="utf-8"))  # noqa: SIM115
    interrupts.watch()
    code = cli.run(rest[end + 1 :])
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    line.sendall(str(code).encode())
    os._exit(code)


if __name__ == "__main__":
    load()
    serve(sys.argv[1])
