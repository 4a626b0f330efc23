"""JSON with a digest of what it holds, by which a damaged or edited file is noticed when it is read.

This is against accidents: whoever means to change a file can change the digest, too.
"""

from collections.abc import Mapping
from typing import Any

from wsdkd.ground.digests import digest

DIGEST = "digest"
"""The key under which the digest of all else stands."""


def sealed(data: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` with its digest before it."""
    return {DIGEST: digest(data), **data}


def unsealed(data: Any) -> tuple[Any, bool | None]:
    """What was sealed, and whether it still is as it was; None where there is no digest.

    Args:
        data: what stands in the file; anything but a dictionary has no digest.
    """
    if not isinstance(data, dict) or DIGEST not in data:
        return data, None
    rest = {name: value for name, value in data.items() if name != DIGEST}
    try:
        return rest, data[DIGEST] == digest(rest)
    except UnicodeEncodeError:  # half of a letter, which nobody ever wrote
        return rest, False
