"""Whatever is sent, the answer is one that the document names: never a 500, never a lost worker."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import load

ROUNDS = 50
VALUES = [
    "C0000001",
    "nobody",
    "",
    "é\u2028",
    "\ud800",
    "x" * 300,
    0,
    -1,
    1e308,
    True,
    None,
    [],
    {},
    ["C0000001"],
    [None] * 3,
    {"a": {"b": []}},
]
KEYS = ["customer_id", "customer_ids", "Customer_ID", "", "__class__", "model", "a" * 1000]


def body(choose: random.Random) -> bytes:
    """A body that is nearly right, in one of many ways."""
    thing = {choose.choice(KEYS): choose.choice(VALUES) for _ in range(choose.randrange(4))}
    text = json.dumps(
        choose.choice(
            [thing, thing, thing, choose.choice(VALUES), [thing], {"customer_ids": choose.choices(VALUES, k=9)}]
        )
    ).encode()
    match choose.randrange(6):
        case 0:
            at = choose.randrange(len(text) + 1)
            return text[:at] + choose.randbytes(choose.randrange(1, 9)) + text[at:]
        case 1:
            return text[: choose.randrange(len(text) + 1)]
        case 2:
            return choose.choice([b"[", b'{"a":', b"1", b'"\\u', b"\x00", b" "]) * choose.randrange(1, 3000)
    return text


@pytest.mark.system
def test_twenty_thousand_odd_requests_give_no_500(server):
    choose, before = random.Random(7), {worker.pid for worker in server.workers()}
    seen: set[int] = set()
    for _ in range(ROUNDS):
        odd = [load.post(server.port, choose.choice(["/predict", "/predict/batch"]), body(choose)) for _ in range(400)]
        seen |= {status for status, _ in load.sequence(server.port, odd).bodies}
    assert seen <= {200, 404, 409, 422}, seen
    assert before == {worker.pid for worker in server.workers()}


@pytest.mark.system
def test_schemathesis_finds_no_answer_that_the_document_does_not_name(server):
    command = [
        Path(sys.executable).with_name("st"),
        "run",
        server.url + "/openapi/openapi.json",
        "--checks",
        "all",
        "--max-examples",
        "100",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    assert 0 == done.returncode, done.stdout[-6000:]
