"""Loading thousands of modules without looking for garbage among what they make.

Python's collector looks at every object again and again while their number grows. Of a module nothing is
garbage. So it took a sixth of the time in which ``wsdkd predict`` labels a picture, and as much once more at
the end of the process, which looks through everything before it takes it apart.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within it, nobody looks for garbage: for the making of very many objects that all stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Within it, modules and networks are loaded; what is there at its end is never looked at again."""
    with uncollected():
        try:
            yield
        finally:
            gc.freeze()
