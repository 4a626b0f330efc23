"""Measurements behind the defaults, the results and the figures of the docs."""

import wsdkd  # noqa: F401, before torch is loaded: it settles how threads wait
