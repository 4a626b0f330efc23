"""The report's page with what differs from one run to the next: speeds, the machine, the commit.

The page that an evaluation writes holds none of it, so that equal inputs give equal bytes. It has places for
it, elements with ``data-run``, which :func:`with_run` fills.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from wsdkd.evaluation.params import NETWORKS
from wsdkd.pages import numbers
from wsdkd.pages.page import render_page
from wsdkd.pages.svg import bar

COST_WIDTH = 96
"""Pixels of the bar of what the costliest network takes, or of how many images the fastest does a second."""
PLACE = re.compile(r'<(span|div) data-run="([a-z-]+)">([^<]*)</\1>')


@dataclass(frozen=True)
class Beside:
    """What lies beside a report.

    Attributes:
        parameters: the text of params.yaml, or None.
        audit_page: address of the page on the dataset, or None.
    """

    parameters: str | None = None
    audit_page: str | None = None


def with_run(page: str, metrics: Mapping[str, Any], beside: Beside) -> str:
    """Fill a page's places.

    Args:
        page: as :func:`wsdkd.evaluation.page.content.write_report_page` writes it.
        metrics: of the same run, as reports/metrics.json holds them; what an older run lacks stays open.
        beside: what lies beside the report.
    """
    cost = metrics["cost"]
    # The baseline is the student's network.
    speeds = {
        name: cost["teacher" if name == "teacher" else "student"]["images_per_second"] for name in NETWORKS
    }
    made = {"commit": None, "changed": 0, "machine": None, "versions": {}, **metrics.get("made", {})}
    texts: dict[str, Any] = {f"speed-{name}": numbers.decimals(speed) for name, speed in speeds.items()}
    for name, speed in speeds.items():
        fastest = max(speeds.values())
        texts[f"speed-bar-{name}"] = bar(speed, None, fastest, f"var(--{name})", width=COST_WIDTH)
    texts["speed-note"] = f"Speeds are of {cost['device']}, in batches of {cost['batch_size']}."
    if beside.audit_page is not None:
        texts["audit"] = Markup('<a href="{}">The same with pictures</a>').format(beside.audit_page)
    texts["machine"] = Markup(  # noqa: S704, of a template that escapes
        render_page("wsdkd.evaluation.page", "run.html", {"made": made, "parameters": beside.parameters})
    )

    def filled(place: re.Match[str]) -> str:
        element, name, before = place.groups()
        text = escape(texts[name]) if name in texts else before
        return f'<{element} data-run="{name}">{text}</{element}>'

    return PLACE.sub(filled, page)
