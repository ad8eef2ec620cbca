"""Servers of files on the loopback interface."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Ranges(SimpleHTTPRequestHandler):
    """Files with ranges of bytes; the first requests may fail."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a file or a range of it."""
        self._send(body=True)

    def do_HEAD(self) -> None:
        """Say how large a file is."""
        self._send(body=False)

    def _send(self, body: bool) -> None:
        self.server.requests += 1
        path = Path(self.translate_path(self.path))
        if self.server.requests <= self.server.failures:
            self.send_error(503)
            return
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = content[int(wanted[1]) : int(wanted[2]) + 1] if wanted else content
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if wanted:
            span = f"bytes {wanted[1]}-{int(wanted[1]) + len(part) - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        self.end_headers()
        if body:
            self.wfile.write(part)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def http(folder: Path, failures: int = 0) -> Iterator[str]:
    """The address of a server whose first requests fail with status 503."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: Ranges(*args, directory=str(folder))
    )
    server.requests, server.failures = 0, failures
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


@contextmanager
def xrootd(*files: Path) -> Iterator[str]:
    """The address of a real XRootD server of some files (Debian: xrootd-server)."""
    folder = Path(tempfile.mkdtemp(prefix="boostflow-xrootd-"))
    try:
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir()
        for file in files:
            shutil.copy(file, data)
            (data / file.name).chmod(0o644)
        for name in ("admin", "log"):
            (folder / name).mkdir()
            # It does not run as root.
            (folder / name).chmod(0o777)
        port = free_port()
        config = folder / "xrootd.cfg"
        config.write_text(
            f"xrd.port {port}\nall.export /\noss.localroot {data}\n"
            f"all.adminpath {folder}/admin\nall.pidpath {folder}/admin\n"
        )
        user = ["-R", "nobody"] if os.getuid() == 0 else []
        server = subprocess.Popen(
            ["xrootd", "-c", config, "-l", folder / "log/log", *user], cwd=folder / "admin"
        )
        try:
            end = time.monotonic() + 30
            while server.poll() is None and time.monotonic() < end:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            else:
                logs = "".join(path.read_text() for path in folder.rglob("log/**/log"))
                raise RuntimeError(f"xrootd did not start: {logs[-2000:]}")
            yield f"root://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait(30)
    finally:
        shutil.rmtree(folder)
