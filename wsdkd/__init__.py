"""Multi-label image classification by knowledge distillation from weakly-supervised detection."""

import os

from wsdkd.ground.allocator import keep_freed_memory

# Between two parallel pieces of work OpenMP's threads spin by default. Where another process wants one of
# their cores they spin against it, and a step of training takes several times as long; asleep they take
# what is there. It is read once, when torch is loaded, which is why it stands here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Before anything large is asked for.
keep_freed_memory()
