"""How much the memory of `serve` grows while 512 MB are uploaded to it: the bar is 64 MB.

`python benchmarks/upload_memory.py` prints the growth and exits with 1 if it misses the bar.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
MEGABYTE = 1024 * 1024
UPLOAD_MEGABYTES = 512
BAR_MEGABYTES = 64
SERVE = """
import sys
from pathlib import Path
from deployer.server import serve
serve(Path(sys.argv[1]), "127.0.0.1", 0, None, lambda url: print(url, flush=True))
"""


def body(megabytes: int) -> Iterator[bytes]:
    yield b'--limit\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    yield b'--limit\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
    block = bytes(range(256)) * (MEGABYTE // 256)
    for _ in range(megabytes):
        yield block
    yield b"\r\n--limit--\r\n"


def upload(base_url: str, megabytes: int) -> None:
    """Send one file and see that all of it arrived."""
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    size = sum(len(block) for block in body(0)) + megabytes * MEGABYTE
    headers = {"Content-Type": "multipart/form-data; boundary=limit", "Content-Length": str(size)}
    connection.request("POST", f"{address.path}/files", body(megabytes), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status != 200 or f'"bytes":{megabytes * MEGABYTE}' not in text:
        raise SystemExit(f"the upload failed: {answer.status} {text}")


def peak_kilobytes(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def measure(folder: str) -> int:
    """Measure the growth of the peak, and say how it went."""
    process = subprocess.Popen([sys.executable, "-c", SERVE, folder], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        base_url = process.stdout.readline().strip()
        upload(base_url, 1)  # what the first request loads is not the upload's
        before, since = peak_kilobytes(process.pid), time.monotonic()
        upload(base_url, UPLOAD_MEGABYTES)
        took, growth = time.monotonic() - since, (peak_kilobytes(process.pid) - before) / 1024
    finally:
        process.terminate()
        process.wait()
    kept = growth < BAR_MEGABYTES
    print(
        f"upload of {UPLOAD_MEGABYTES} MB in {took:.1f} s: peak memory of the server +{growth:.1f} MB "
        f"(bar: < {BAR_MEGABYTES} MB) {'ok' if kept else 'MISSED'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    if not Path("/proc/self/status").exists():
        raise SystemExit("this measurement reads /proc, which this system does not have")
    with tempfile.TemporaryDirectory() as temporary:
        raise SystemExit(measure(temporary))
