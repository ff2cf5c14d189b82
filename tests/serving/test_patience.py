"""A look-up that takes too long is answered for, and one that hangs does not take others with it."""

from __future__ import annotations

import threading

import pytest

from serving import patience
from serving.patience import AnsweredAlready, Patience


@pytest.fixture
def watching(monkeypatch) -> Patience:
    monkeypatch.setattr(patience, "LOOKS", 0.01)
    made = Patience()
    made.start()
    return made


def asked(of: Patience, call, answer, *, seconds: float = 0.02) -> object:
    """What becomes of a look-up in a thread of its own, whose request can be answered for."""
    patience.give_up.set(answer)
    try:
        return of.within(seconds, call)
    except (AnsweredAlready, TimeoutError, ValueError) as error:
        return type(error)


class Hanging:
    """A look-up in a thread that hangs until it is let go."""

    def __init__(self, of: Patience) -> None:
        self.answered, self.go, self.became = threading.Event(), threading.Event(), []
        self.thread = threading.Thread(
            target=lambda: self.became.append(asked(of, self.go.wait, self.answered.set)), daemon=True
        )
        self.thread.start()

    def back(self) -> object:
        self.go.set()
        self.thread.join()
        return self.became[0]


def test_what_a_look_up_returns_and_raises_in_time_comes_through(watching):
    answers = []
    assert 7 == asked(watching, lambda: 7, lambda: answers.append(1), seconds=60)
    assert ValueError is asked(watching, lambda: int("x"), lambda: answers.append(1), seconds=60)
    assert [] == answers


def test_a_look_up_that_takes_too_long_is_answered_for_once_and_its_own_answer_counts_no_more(watching):
    one = Hanging(watching)
    assert one.answered.wait(10)
    assert AnsweredAlready is one.back()


def test_while_several_hang_no_more_are_begun_and_afterwards_they_are(watching):
    several = [Hanging(watching) for _ in range(patience.HANGING)]
    assert all(one.answered.wait(10) for one in several)
    assert TimeoutError is asked(watching, lambda: 7, lambda: None)
    assert {AnsweredAlready} == {one.back() for one in several}
    assert 7 == asked(watching, lambda: 7, lambda: None, seconds=60)


def test_where_nobody_can_answer_in_its_place_a_look_up_takes_its_time(watching):
    assert 7 == asked(watching, lambda: threading.Event().wait(0.1) or 7, None)
