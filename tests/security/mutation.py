"""Seeded damage to sound files, and what readers make of it."""

from __future__ import annotations

import random
import re
import resource
import signal
import struct
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lps_flows.foundation import LpsFlowsError

SECONDS, MEGABYTES = 2.0, 300.0
# Bytes; to damage more of them takes longer than to read them.
_LONGEST = 500_000
# Not even a reader that is wrong may take the machine with it.
_NEVER_MORE = 4 * 2**30

_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eEdD][-+]?\d+)?")
_ABSURD = (
    *(b"nan", b"-inf", b"inf", b"1e309", b"-1e308", b"1e300", b"1e-320", b"-0.0"),
    *(b"0", b"-1", b"1", b"7", b"2000000000", b"1000000000", b"99999999999999999999"),
    *(b"1" * 5000, b"1000000000*0", b"1.0.0", b"0x10", b"1_0", b"1e", b"(1.0)", b"1/3"),
    *(b"?", b".", b"", b"true", b"'", b'"', b"{", b"[", b"\xff", b"\0", b"Qq", b"D"),
    b"\xe2\x82\xac",
)


def damaged(sound: bytes, rng: random.Random) -> bytes:
    """Return a file with one to three things wrong in it."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        sound = rng.choice(_DAMAGES)(sound, rng)[:_LONGEST]
    return sound


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(0, len(data))]


def _bytes(data: bytes, rng: random.Random) -> bytes:
    at, n = rng.randint(0, len(data)), rng.randint(0, 8)
    some = rng.randbytes(rng.randint(0, 8))
    return data[:at] + some + data[at + n :]


def _bit(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _number(data: bytes, rng: random.Random) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(_ABSURD) + data[one.end() :]


def _word(data: bytes, rng: random.Random) -> bytes:
    words = re.split(rb"(\s+)", data)
    at = rng.randrange(len(words))
    words[at] = rng.choice((rng.choice(_ABSURD), rng.choice(words), words[at] * 2))
    return b"".join(words)


def _line(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[other])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 3:
        lines[at] = lines[at] * rng.choice((2, 300))
    else:
        lines[at : at + 1] = [lines[at]] * rng.choice((2, 50))
    return b"\n".join(lines)


def _double(data: bytes, rng: random.Random) -> bytes:
    """Put an absurd number where a file of doubles may have one."""
    at = len(data) - 8 * rng.randint(1, max(1, len(data) // 8))
    some = struct.pack("<d", rng.choice((float("nan"), float("inf"), 1e308, -1e200)))
    return data[: max(at, 0)] + some + data[max(at, 0) + 8 :]


_DAMAGES = (_cut, _bytes, _bit, _number, _number, _word, _line, _double)


class TooSlowError(BaseException):
    """A reader took several times as long as it may."""


def _stop(*_: object) -> None:
    raise TooSlowError


@dataclass
class Tally:
    """What became of the inputs of one format."""

    format: str
    inputs: int = 0
    accepted: int = 0
    typed: int = 0
    other: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    most_memory: float = 0.0

    def __str__(self) -> str:
        return (
            f"| {self.format} | {self.inputs} | {self.accepted} | {self.typed} | "
            f"{self.other.total()} | {self.slowest:.2f} s | {self.most_memory:.0f} MB |"
        )

    def check(self) -> None:
        """Fail unless everything ended in success or a typed error, soon and small."""
        assert not self.other, self.other.most_common(5)
        assert self.accepted > 0 < self.typed, str(self)
        assert self.slowest < SECONDS, str(self)
        assert self.most_memory < MEGABYTES, str(self)


def inputs(
    sound: Sequence[Any],
    count: int,
    seed: int,
    damage: Callable[[Any, random.Random], Any],
) -> Iterator[tuple[Any, Any]]:
    """Yield sound files or documents and what became of them."""
    rng = random.Random(seed)
    for _ in range(count):
        whole = rng.choice(sound)
        yield whole, damage(whole, rng)


def play(
    name: str,
    sound: Sequence[Any],
    read: Callable[[Any], None],
    kind: type[LpsFlowsError] | tuple[type[LpsFlowsError], ...],
    count: int,
    seed: int = 0,
    damage: Callable[[Any, random.Random], Any] = damaged,
) -> Tally:
    """Give a reader damaged files, and count how it ends.

    Parameters
    ----------
    name
        Of the format.
    sound
        Files that are read without an error.
    read
        Reads, and checks what it has read.
    kind
        Errors that the reader may raise; with a field.
    count
        Number of damaged files.
    seed
        Of the damages.
    damage
        Does it; to bytes by default.
    """
    for one in sound:
        read(one)
    tally = Tally(name)
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_size() + _NEVER_MORE, before[1]))
    stop = signal.signal(signal.SIGPROF, _stop)
    try:
        for _, data in inputs(sound, count, seed, damage):
            tally.inputs += 1
            start, resident = time.process_time(), _resident_from_now()
            signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)
            try:
                read(data)
                tally.accepted += 1
            except kind as error:
                tally.typed += 1
                if not (error.field and error.remedy):
                    tally.other[f"without field or remedy: {error}"] += 1
            # TooSlowError is none that a reader could catch
            except (Exception, TooSlowError) as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                tally.other[
                    f"{type(error).__name__}: {str(error)[:80]} in {place.filename}:"
                    f"{place.lineno}"
                ] += 1
            signal.setitimer(signal.ITIMER_PROF, 0)
            tally.slowest = max(tally.slowest, time.process_time() - start)
            tally.most_memory = max(tally.most_memory, _status("VmHWM") - resident)
    finally:
        signal.signal(signal.SIGPROF, stop)
        resource.setrlimit(resource.RLIMIT_AS, before)
    return tally


def _resident_from_now() -> float:
    """Return the memory in use (MB), and let its high-water mark begin there."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (one for one in lines if one.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def _size() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()
