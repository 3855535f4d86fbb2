"""Numbers as Fortran writes them."""

from __future__ import annotations

import re

_REAL = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[edq]([+-]?\d+)|([+-]\d+))?", re.IGNORECASE
)


def parse_real(word: str) -> float:
    """Read a real number: 1.5, 1.5e0, 1.5D0, or 1.5-100 without its letter.

    Raises
    ------
    ValueError
        When the word is no number; nan and inf are.
    """
    match = _REAL.fullmatch(word)
    if match is not None:
        mantissa, exponent, bare = match.groups()
        return float(f"{mantissa}e{exponent or bare or 0}")
    if word.lstrip("+-").lower() in {"nan", "inf", "infinity"}:
        return float(word)
    raise ValueError(f"not a number: {word!r}")


def count(word: str) -> int | None:
    """Return the number of things that a word of digits says, None if it is none."""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


def list_directed(line: str, most: int) -> list[str]:
    """Split a line of numbers as list-directed input does: ``3*0`` stands for 0 0 0.

    Of repeated ones, not many more than `most` are returned.
    """
    words: list[str] = []
    for word in line.replace(",", " ").split():
        times, star, value = word.partition("*")
        if star and value and (n := count(times)) is not None:
            words += [value] * min(n, max(most + 1 - len(words), 0))
        else:
            words.append(word)
    return words


def fixed_columns(line: str, width: int) -> list[str]:
    """Split texts of `width` columns that may stand together.

    List-directed output puts no blank between texts: Li, P and S of two columns each
    are written as ``LiP S``, after one leading blank.
    """
    words = line.split()
    if all(len(word) <= width for word in words):
        return words
    text = line.rstrip().removeprefix(" ")
    return [text[k : k + width].strip() for k in range(0, len(text), width)]
