"""Cells of a file that people open in a spreadsheet."""

# What makes a spreadsheet run a text: the signs a formula begins with, also full-width ones, and the characters that
# some programs skip before they look.
_BEGINNINGS = "=+-@\t\r\n＝＋－＠"


def guarded(cell: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] and cell[0] in _BEGINNINGS else cell
