"""Plain text on a terminal, with nothing but what Python brings: the verifier needs no more."""

from __future__ import annotations

import shutil
import sys
import textwrap

_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def styled(text: str, *styles: str) -> str:
    """The text in colour, where somebody looks at it."""
    if not sys.stdout.isatty():
        return text
    return "".join(f"\x1b[{_CODES[style]}m" for style in styles) + text + "\x1b[0m"


def say(text: str) -> None:
    """One line as it is, without what a terminal would take for a command."""
    print("".join(letter for letter in text if letter.isprintable()))


def paragraph(text: str, indent: int) -> None:
    """A text in lines of the terminal's width."""
    width = max(40, shutil.get_terminal_size().columns)
    for line in textwrap.wrap(text, width - indent, break_long_words=False, break_on_hyphens=False):
        say(" " * indent + line)
