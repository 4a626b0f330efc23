"""Load on a server: which files are broken, and what is counted and said of the answers."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import getpid
from threading import Thread

import pytest

from benchmarks.serve_load import Clients, Load, bear, requests, sentence


class Small(BaseHTTPRequestHandler):
    """Refuses what is shorter than four bytes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(422 if len(content) < 4 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Small) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_every_hundredth_file_is_cut_off_and_refused(port: int) -> None:
    contents = requests([b"abcdef", b"ghijkl"], 500, 100)
    assert [place for place, each in enumerate(contents) if len(each) == 3] == [99, 199, 299, 399, 499]
    with Clients(port, 4) as clients:
        load = bear(clients, contents, getpid())
    assert load.statuses == {200: 495, 422: 5}
    assert len(load.memory) == 10
    assert all(each > 1 for each in load.memory)
    assert 0 < load.middle <= load.late < 1000 * load.seconds


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Small, "timeout", 0.05)
    with Clients(port, 1) as clients:
        assert clients.ask([b"abcdef"])[0][0] == 200
        time.sleep(0.3)
        assert clients.ask([b"abcdef"])[0][0] == 200


def test_ratios_are_of_each_round() -> None:
    load = Load({200: 99, 422: 1}, 12.0, 20.0, 80.0, [90, 95, 98, 99, 100, 100, 101, 101, 100.5, 101])
    speeds = [
        {"predict": 100.0, "serve": 95.0},
        {"predict": 50.0, "serve": 40.0},
        {"predict": 80.0, "serve": 76.8},
    ]
    text = sentence(load, speeds, 32)
    assert "99 of status 200, 1 of status 422" in text
    assert text.endswith("Over HTTP 77 pictures a second, by predict 80: 95 % (80 to 96 % in 3 rounds).")
    assert "Over HTTP" not in sentence(load, [], 32)
