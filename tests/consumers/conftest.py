"""What the tests in a browser share: Node.js with the packages of package.json, Chromium, and a web server."""

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Python's own web server, as users are told to run it; says nothing."""

    def log_message(self, *_args):
        """Keep the tests' output clean."""


@pytest.fixture(scope="session")
def node_modules():
    """The folder with the npm packages; skips where ``make node-modules`` has not made it."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    if not (NODE_MODULES / "playwright-core").is_dir():
        pytest.skip("npm packages are missing: make node-modules")
    return NODE_MODULES


@pytest.fixture(scope="session")
def chromium(node_modules):
    """Skips where there is no Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    return CHROMIUM


@pytest.fixture
def serve():
    """``serve(folder)`` gives the address of a web server for a folder, ending in a slash."""
    servers = []

    def start(folder):
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
        )
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def run_node(node_modules):
    """``run_node(script, document)`` runs a script of this folder with JSON in, and gives the JSON that it prints."""

    def run(script, document=None, *arguments, timeout=240):
        env = os.environ | ({"CHROMIUM": CHROMIUM} if CHROMIUM else {})
        done = subprocess.run(
            ["node", HERE / script, *map(str, arguments)],
            input=json.dumps(document), env=env, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
