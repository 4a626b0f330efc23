"""What every room stands on: errors, files, ids, progress, workers, digests. No torch, no parameters."""

import resource
import sys

# Where the shell limits the size of files (`ulimit -f`), Python would leave the compiled code of a module cut
# off, and could not load it ever after. This is the first package of ours that is loaded.
if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
    sys.dont_write_bytecode = True
