"""The report's page with what differs from one run to the next: speeds, the machine, the commit.

The page that an evaluation writes holds none of it, so that equal inputs give equal bytes. It has places for
it, elements with ``data-run``, which :func:`with_run` fills.
"""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from wsdkd.evaluation.params import NETWORKS
from wsdkd.pages import numbers
from wsdkd.pages.page import render_page

PLACE = re.compile(r'<(span|div) data-run="([a-z-]+)">([^<]*)</\1>')


def with_run(page: str, metrics: Mapping[str, Any], parameters: str | None, audit: str | None) -> str:
    """Fill a page's places.

    Args:
        page: as :func:`wsdkd.evaluation.page.content.write_report_page` writes it.
        metrics: of the same run, as reports/metrics.json holds them; what an older run lacks stays open.
        parameters: the text of params.yaml, or None.
        audit: link to the page on the dataset, or None where there is none.
    """
    cost = metrics["cost"]
    made = {"commit": None, "changed": 0, "machine": None, "versions": {}, **metrics.get("made", {})}
    texts: dict[str, Any] = {
        f"speed-{name}": numbers.decimals(
            # The baseline is the student's network.
            cost["teacher" if name == "teacher" else "student"]["images_per_second"]
        )
        for name in NETWORKS
    }
    texts["speed-note"] = f"Speeds are of {cost['device']}, in batches of {cost['batch_size']}."
    if audit is not None:
        texts["audit"] = Markup('<a href="{}">What is odd in it</a>').format(audit)
    texts["machine"] = Markup(  # noqa: S704, of a template that escapes
        render_page("wsdkd.evaluation.page", "run.html", {"made": made, "parameters": parameters})
    )

    def filled(place: re.Match[str]) -> str:
        element, name, before = place.groups()
        text = escape(texts[name]) if name in texts else before
        return f'<{element} data-run="{name}">{text}</{element}>'

    return PLACE.sub(filled, page)
