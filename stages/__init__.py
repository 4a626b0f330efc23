"""One thin main a DVC stage: read parameters and inputs, call wsdkd, write outputs."""

import wsdkd  # noqa: F401, before a stage loads torch: it settles how threads wait
from wsdkd.ground.failures import tell_uncaught

# A stage's own line about a failure begins where its modules are loaded, which may fail for want of memory.
tell_uncaught()
