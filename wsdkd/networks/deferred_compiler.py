"""torchvision and timm without torch's compiler, until it is asked for.

Both import ``torch._dynamo`` for a function or two that inference never calls. It brings sympy and a thousand
modules along, which ``wsdkd predict`` of one picture would wait for.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

COMPILER = ("torch._dynamo", "torch._dynamo.utils")


class _Deferred(ModuleType):
    """Stands in for a module of the compiler; for whatever else it is asked, the compiler is loaded."""

    def __getattr__(self, name: str) -> Any:
        # The machinery of imports asks whether a module is a package: a look that need not load it.
        if name.startswith("__") and (name, self.__name__) != ("__path__", COMPILER[0]):
            raise AttributeError(name)
        return getattr(_compiler(self.__name__), name)


@contextmanager
def compiler_deferred() -> Iterator[None]:
    """Within it, modules are imported that name the compiler but hardly ever use it."""
    if COMPILER[0] in sys.modules:
        yield
        return
    package, functions = (_Deferred(name) for name in COMPILER)
    vars(package).update(disable=_disable, utils=functions)
    vars(functions).update(is_compile_supported=_is_compile_supported)
    sys.modules.update(zip(COMPILER, (package, functions), strict=True))
    try:
        yield
    finally:
        _forget()


def _is_compile_supported(kind: str) -> bool:
    supported: bool = _compiler(COMPILER[1]).is_compile_supported(kind)
    return supported


def _disable(function: Callable[..., Any], *options: Any, **more: Any) -> Callable[..., Any]:
    """Marks a function as one that is not to be compiled, as soon as something is loaded that could."""
    disabled: list[Callable[..., Any]] = []

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        compiler = sys.modules.get(COMPILER[0])
        if compiler is None or isinstance(compiler, _Deferred):
            return function(*arguments, **named)
        if not disabled:
            disabled.append(_compiler(COMPILER[0]).disable(function, *options, **more))
        return disabled[0](*arguments, **named)

    return called


def _compiler(name: str) -> Any:
    _forget()
    return import_module(name)


def _forget() -> None:
    for name in COMPILER:
        if isinstance(sys.modules.get(name), _Deferred):
            del sys.modules[name]
