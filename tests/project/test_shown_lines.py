"""How the tutorial's test compares what a page shows with what a command says."""

from __future__ import annotations

from tests.project.tutorial import missing


def test_a_line_that_was_not_said_is_named():
    assert ["version 2"] == missing(["version 1", "version 2"], "version 1\nversion 3")


def test_lines_come_in_the_order_in_which_they_are_shown():
    assert ["a"] == missing(["b", "a"], "a\nb")


def test_dots_stand_for_anything_and_seconds_for_any():
    assert [] == missing(["cdnow ... promoted (33 s)"], "cdnow version 1: promoted (41 s)")
    assert [] == missing(["who   decision ... version"], "who   decision    version ")
