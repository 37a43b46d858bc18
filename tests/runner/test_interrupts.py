from __future__ import annotations

import os
import signal

import pytest

from augment.errors import Interrupted
from augment.runner.interrupts import interruptible

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"])
def test_a_signal_ends_the_block_with_its_exit_code_and_handlers_are_put_back(number, code):
    before = [signal.getsignal(one) for one in NUMBERS]
    with pytest.raises(Interrupted, match="the same command goes on from there") as stopped, interruptible():
        os.kill(os.getpid(), number)
        signal.pause()
    assert stopped.value.exit_code == code
    assert [signal.getsignal(one) for one in NUMBERS] == before


def test_a_handler_of_somebody_else_stays():
    def mine(number, frame):
        raise ValueError("mine")

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with pytest.raises(ValueError, match="mine"), interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
