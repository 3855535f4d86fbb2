"""What is said of fireworks that failed."""

from __future__ import annotations

from lps_flows.cli.application import err
from lps_flows.cli.telling import print_failures
from lps_flows.runner import Failure


def test_failures_of_one_reason_are_told_as_one() -> None:
    failed = [
        Failure(n, f"melt {n}", "melt-quench", "no licence", "") for n in range(9)
    ]
    failed.append(Failure(9, "train", "training", "no licence", ""))
    failed.append(Failure(10, "melt 10", "melt-quench", "too hot", ""))
    with err.capture() as said:
        print_failures(failed)
    text = said.get()
    assert text.count("no licence") == 2  # of two stages
    assert text.count("too hot") == 1
    words = " ".join(text.replace("│", " ").split())
    assert "melt 0 and 8 more" in words
    assert "0, 1, 2, 3, 4, …" in words
    assert "--retry-failed" in words
