"""What the int64 counters of a program tell: [0] finished steps, [1] how many more epochs count.

Where the batch size changes, an epoch has another number of steps from then on; [1] makes up for
it, so that finished epochs stay as many as they were. It is below 0 where epochs have become
shorter.
"""

from __future__ import annotations

from kernels.jit import inline, longs


@inline
def steps_of_epochs(counters):
    """Steps as epochs count them: so many // batches_per_epoch are finished epochs."""
    counts = longs(counters, 2)
    return counts[0] + counts[1]
