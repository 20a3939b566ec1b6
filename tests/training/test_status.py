"""The status line: rewritten in place on a terminal, a line now and then elsewhere."""

import io
import sys

import pytest

from levelforge.training.status import Status


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def said(monkeypatch):
    """What a status says that shows a figure and then tells something."""

    def of(*, terminal, quiet=False):
        monkeypatch.setattr(sys, "stderr", Screen(terminal))
        status = Status(60.0, quiet=quiet)
        status.show(3.0, "gan", {"step": 12.0})
        status.say("round 1 taken back")
        status.close()
        return sys.stderr.getvalue()

    return of


def test_elsewhere_each_thing_has_a_line(said):
    assert said(terminal=False).splitlines() == ["     3s / 1m 00s  gan  step 12", "round 1 taken back"]


def test_on_a_terminal_what_is_told_takes_the_place_of_the_line(said):
    line, told = said(terminal=True).removeprefix("\r").split("\r")
    assert line == "     3s / 1m 00s  gan  step 12"
    assert told == f"{'round 1 taken back':<{len(line)}}\n"


def test_quiet_is_quiet(said):
    assert not said(terminal=True, quiet=True)
