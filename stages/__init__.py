"""One thin main a DVC stage: read parameters and inputs, call wsdkd, write outputs."""

import wsdkd  # noqa: F401, before a stage loads torch: it settles how threads wait
