"""Try clients of others against the embedded account: each in an environment of its own, one server for all.

`make clients` runs this; `python clients/run.py NAME…` tries only some. Python and npm fetch the clients.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOMES = HERE.parent / ".venv-clients"


@dataclass(frozen=True)
class Client:
    """A client, its program and what is installed for it. Versions are those that it was last tried with."""

    name: str
    program: str
    packages: tuple[str, ...]


CLIENTS = (
    Client("openai-python", "openai_python_client.py", ("openai==3.57.0",)),
    Client("openai-node", "openai_node_client.mjs", ("openai@6.49.0",)),
    Client("openai-agents", "openai_agents_client.py", ("openai-agents==0.24.0",)),
    Client(
        "langchain",
        "langchain_client.py",
        ("langchain==1.5.2", "langchain-openai==1.7.4", "langchain-classic==1.0.8", "langchain-community==0.4.2"),
    ),
    Client("azure-ai-projects", "azure_ai_projects_client.py", ("azure-ai-projects==2.10.0", "openai==3.57.0")),
    Client("llama-index", "llama_index_client.py", ("llama-index-agent-openai==0.4.12",)),
)


def main(names: list[str]) -> int:
    wanted = [client for client in CLIENTS if not names or client.name in names]
    failed = []
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as base_url:
        for client in wanted:
            print(f"\n== {client.name}", flush=True)
            if not _tried(client, base_url):
                failed.append(client.name)
    print(f"\n{len(wanted) - len(failed)} passed, {len(failed)} failed" + "".join(f"\n  {name}" for name in failed))
    return 1 if failed else 0


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Serve the embedded account with the clients' script."""
    arguments = ("serve", "--port", "0", "--data", str(folder), "--script", str(HERE / "script.yaml"))
    command = [sys.executable, "-u", "-m", "deployer", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = re.search(r"http://\S+/v1", process.stdout.readline())
            assert found
            yield found[0]
        finally:
            process.terminate()


def _tried(client: Client, base_url: str) -> bool:
    home = HOMES / client.name
    program = _node(client, home) if client.program.endswith(".mjs") else _python(client, home)
    environment = os.environ | {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "any", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(program, env=environment, check=False).returncode == 0


def _python(client: Client, home: Path) -> list[str]:
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *client.packages], check=True)
    return [str(python), str(HERE / client.program)]


def _node(client: Client, home: Path) -> list[str]:
    home.mkdir(parents=True, exist_ok=True)
    options = ("--silent", "--no-audit", "--no-fund", "--prefix", str(home))
    subprocess.run(["npm", "install", *options, *client.packages], check=True)
    program = shutil.copy(HERE / client.program, home)  # a module finds its packages beside itself
    return ["node", str(program)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
