"""A page as one HTML file: a template of a room within the frame that all pages share.

A room keeps its templates in a folder ``templates`` beside its modules. A template begins with
``{% extends "pages/base.html" %}`` and fills the blocks ``title`` and ``content``; what it may use is told
at the head of ``base.html``. The file loads nothing: styles, script and pictures stand in it, and its
content security policy forbids the rest. Equal content gives equal bytes.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from wsdkd.ground.files import publish_file
from wsdkd.pages import numbers

__all__ = ["Markup", "render_page", "write_page"]


def write_page(path: Path, package: str, template: str, content: Mapping[str, Any]) -> None:
    """Write a page; it appears whole.

    Args:
        path: of the HTML file.
        package: whose folder ``templates`` holds the template, such as ``wsdkd.evaluation``.
        template: name of the file in that folder.
        content: what the template names. Text is escaped, wherever it comes from; what is HTML already, such
            as a chart, is a ``Markup``.

    Raises:
        jinja2.UndefinedError: the template names something that ``content`` lacks.
    """
    text = render_page(package, template, content)
    with publish_file(path) as aside:
        # Names of files may hold bytes that are no UTF-8; Python carries these as lone surrogates.
        aside.write_bytes(text.encode("utf-8", errors="replace"))


def render_page(package: str, template: str, content: Mapping[str, Any]) -> str:
    """The HTML of a page; arguments as those of :func:`write_page`."""
    return _environment(package).get_template(f"room/{template}").render(**content)


@cache
def _environment(package: str) -> Environment:
    loader = PrefixLoader({"pages": PackageLoader("wsdkd.pages"), "room": PackageLoader(package)})
    # Everything is escaped: names of classes and paths are the text of strangers.
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "decimals": numbers.decimals,
        "signed": numbers.signed,
        "thousands": numbers.thousands,
        "short": numbers.short,
    }
    return environment
