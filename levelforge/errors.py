"""Errors that a user can mend, and the wording they share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LevelForgeError(ValueError):
    """Bad usage or bad input; its message is one line that names the place and the mend.

    The command line prints the message after ``error:`` and exits with status 2.
    """


class MissingExtraError(LevelForgeError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'levelforge[{extra}]'")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"``, or the list of known words, for an error message.

    Args:
        word: what the user wrote.
        known: what would have been accepted.
    """
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else ""
