"""Which tests run beside which: those that kill processes and time them do so one after the other."""

import pytest
from xdist.scheduler import LoadFileScheduling

ONE_BY_ONE = ("tests/faults/", "tests/bench/")
"""Each of them starts several processes, and says how long something may take. They come first: they wait a lot, and
whatever else there is goes on beside them."""


class Scheduling(LoadFileScheduling):
    """Files as a whole, and all that run one by one as if they were one file."""

    def _split_scope(self, nodeid: str) -> str:
        return "one by one" if nodeid.startswith(ONE_BY_ONE) else super()._split_scope(nodeid)


def come_last(item: pytest.Item) -> bool:
    return not item.nodeid.startswith(ONE_BY_ONE)
