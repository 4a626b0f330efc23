"""What a process prints, as log lines."""

from flows.processes import PROGRESS_SECONDS, Lines


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _all(lines: Lines, *chunks: bytes) -> list[str]:
    return [line for chunk in chunks for line in lines.feed(chunk)]


def test_lines_are_whole_however_they_arrive() -> None:
    text = "Erste Zeile\nzweite: größer\r\n\ndritte".encode()
    for size in (1, 2, 3, 7, 100):
        lines = Lines()
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        assert _all(lines, *chunks) == ["Erste Zeile", "zweite: größer"]
        assert list(lines.end()) == ["dritte"]
        assert list(lines.end()) == []


def test_a_progress_bar_is_passed_on_now_and_then_and_at_its_end() -> None:
    clock = _Clock()
    lines = Lines(clock)
    assert _all(lines, b"\rbar 0%", b"\rbar 1%", b"\rbar 2%") == ["bar 0%"]
    clock.now += PROGRESS_SECONDS
    assert _all(lines, b"\rbar 50%", b"\rbar 60%", b"\rbar 99%") == ["bar 2%"]
    assert _all(lines, b"\rbar 100%\n") == ["bar 100%"]


def test_what_is_no_text_does_not_stop_the_log() -> None:
    assert _all(Lines(), b"\xff\xfe broken\n") == ["\ufffd\ufffd broken"]
