"""Many downloads at a time, a byte bar for each: from a server on this machine, so that it runs anywhere."""

from __future__ import annotations

import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mainstage

CHUNK = 1 << 14
SIZES = {f"/disc-{n:02}.iso": (3 + n * 7 % 13) * CHUNK for n in range(1, 25)}


class Server(BaseHTTPRequestHandler):
    """Serves made-up files at the speed of a modest line."""

    def do_GET(self) -> None:  # the name that http.server calls
        """Send as many bytes as the path says."""
        size = SIZES[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for _ in range(0, size, CHUNK):
            time.sleep(0.025)
            self.wfile.write(bytes(CHUNK))

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def download(url: str) -> int:
    """Return how many bytes the file at `url` is of."""
    task = mainstage.current_task()
    with urllib.request.urlopen(url, timeout=10) as response:
        task.set(description=url.rpartition("/")[2], total=int(response.headers["Content-Length"]), unit="B")
        file = task.wrap_file(response)
        size = 0
        while chunk := file.read(CHUNK):
            size += len(chunk)
    return size


def main() -> None:
    """Download them all, six at a time."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        urls = [f"http://127.0.0.1:{server.server_port}{path}" for path in SIZES]
        sizes = list(mainstage.map(download, urls, max_workers=6))
        server.shutdown()
    print(f"{len(sizes)} files, {sum(sizes):,} bytes")


if __name__ == "__main__":
    main()
