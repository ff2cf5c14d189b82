"""What commands print: names and reasons as they are, whatever signs are in them."""

from __future__ import annotations

import pytest

from churn.cli import output

TAKEN = {
    "said": "version 2: refused; in production: version 1",
    "version": 2,
    "decision": "refused",
    "production": 1,
    "report": "promote.html",
}


@pytest.mark.parametrize("name", ["charges [€]", "a [/b] c", "[bold]x", ":smile:"])
def test_a_reason_is_printed_as_it_is(capsys, name):
    output.show(output.decision(TAKEN | {"failed": [name]}))
    assert f"  - {name}" in capsys.readouterr().out.splitlines()
