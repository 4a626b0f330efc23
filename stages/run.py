"""How a stage starts: what a user can put right is shown as a message, without a traceback."""

import sys
from collections.abc import Callable

from wsdkd.errors import UserError


def run(main: Callable[[], None]) -> None:
    """Call ``main`` and end the process with status 1 after ``error: ...`` for a :class:`UserError`.

    A file that the operating system refuses (missing, not readable, disk full) is the user's to put
    right too, as long as it has a name. Everything else is a defect and keeps its traceback.
    """
    try:
        main()
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}")


def _fail(message: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"error: {message}\n")
    sys.exit(1)
