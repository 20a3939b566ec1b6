"""The processes that run a benchmark's cells."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def workers(jobs: int) -> ProcessPoolExecutor:
    """So many processes of one thread each; they end with the benchmark, however it ends."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes to come
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """A cell takes minutes: without this, a benchmark that is killed leaves its workers at theirs."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
