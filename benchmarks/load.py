"""A client that costs little beside what it measures: one keep-alive socket a thread, requests made beforehand."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Answers:
    """What one client saw: seconds a request, when each answer came, and its (status, body)."""

    seconds: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    bodies: list[tuple[int, bytes]] = field(default_factory=list)


def post(port: int, path: str, body: bytes) -> bytes:
    """An HTTP request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer: its status and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += _received(connection)
    return int(head[9:12]), body


def sequence(port: int, requests: list[bytes], *, until: float = 0.0) -> Answers:
    """Send the requests one after another, over and over until `until` (time.perf_counter) when it is given."""
    answers = Answers()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            for request in requests:
                began = time.perf_counter()
                connection.sendall(request)
                answers.bodies.append(answer(connection))
                answers.ends.append(time.perf_counter())
                answers.seconds.append(answers.ends[-1] - began)
                if until and time.perf_counter() > until:
                    return answers
            if not until:
                return answers


def together(port: int, requests: list[bytes], *, clients: int, seconds: float) -> list[Answers]:
    """What each of several clients saw in so many seconds."""
    until, results = time.perf_counter() + seconds, []
    threads = [
        threading.Thread(target=lambda: results.append(sequence(port, requests, until=until))) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data
