"""Numbers in sentences."""


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``, ``1,000 files``, ``2 classes``, ``2 boxes``; for nouns with an s."""
    plural = "es" if noun.endswith(("s", "x")) else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def gigabytes(size: float) -> str:
    """Bytes for people, in powers of ten."""
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"
