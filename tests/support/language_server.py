"""yaml-language-server as an editor talks to it: a file is opened, what it marks, shows and completes is asked."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 30
_SETTINGS = {"schemas": {}, "validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
_CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True}},
        "hover": {"contentFormat": ["markdown"]},
    },
}


@dataclass
class Editor:
    """A running server; `folder` is where its files are."""

    process: subprocess.Popen[bytes]
    folder: Path
    _heard: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    _number: int = 0

    def listen(self) -> None:
        stream = self.process.stdout
        assert stream
        while length := self._length():
            self._heard.put(json.loads(stream.read(length)))

    def _length(self) -> int:
        assert self.process.stdout
        found = 0
        for line in iter(self.process.stdout.readline, b""):
            if line.lower().startswith(b"content-length"):
                found = int(line.partition(b":")[2])
            if line == b"\r\n":
                return found
        return 0

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.process.stdin.flush()

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Answer what the server asks, until it says what is waited for."""
        while True:
            message = self._heard.get(timeout=SECONDS)
            if "method" in message and "id" in message:
                items = message["params"].get("items", ()) if message["method"] == "workspace/configuration" else None
                told = None if items is None else [_SETTINGS if one.get("section") == "yaml" else None for one in items]
                self._send({"id": message["id"], "result": told})
            elif wanted(message):
                return message

    def ask(self, method: str, parameters: Mapping[str, Any]) -> Any:
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": parameters})
        return self._until(lambda one: one.get("id") == number).get("result")

    def notify(self, method: str, parameters: Mapping[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def open(self, name: str, text: str) -> list[str]:
        """Return what is marked in a file."""
        uri = (self.folder / name).as_uri()
        self.notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}},
        )
        found = self._until(lambda one: one.get("method", "").endswith("publishDiagnostics"))
        return [one["message"] for one in found["params"]["diagnostics"]]

    def _at(self, name: str, line: int, column: int) -> dict[str, Any]:
        uri = (self.folder / name).as_uri()
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}

    def hover(self, name: str, line: int, column: int) -> str:
        found = self.ask("textDocument/hover", self._at(name, line, column))
        return str(found["contents"]["value"]) if found else ""

    def complete(self, name: str, line: int, column: int) -> list[str]:
        found = self.ask("textDocument/completion", self._at(name, line, column))
        return [one["label"] for one in (found or {}).get("items", ())]


@contextmanager
def editor(program: Path, folder: Path) -> Iterator[Editor]:
    """Start the server of an editor that has opened `folder`."""
    command = ["node", str(program), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found = Editor(process, folder)
        threading.Thread(target=found.listen, daemon=True).start()
        try:
            found.ask("initialize", {"processId": None, "rootUri": None, "capabilities": _CAPABILITIES})
            found.notify("initialized", {})
            yield found
        finally:
            process.kill()
