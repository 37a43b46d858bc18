"""The plan of a mixed loader's batches, and the synthetic rows for them, sampled ahead in a separate process.

Everything depends only on the seed and the epoch number. `augment.loaders.mixing` turns it into tensors.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augment.engine.draw_and_filter import Sampled, SampleTask, Sampling, sample
from augment.engine.executors import Worker, spawn
from augment.engine.jobs import Call, Host, Job
from augment.errors import ShortfallError
from augment.plan.amounts import apportion
from augment.plan.chunks import PlanRow
from augment.plugin.context import derive_seed
from augment.storage.atomic_files import remove

__all__ = ["Piece", "Plan", "Stream"]


@dataclass(frozen=True)
class Piece:
    """Rows of one batch that come from the same chunk or from the training part.

    Attributes:
        origin: position among the plan's origins.
        chunk: number of the chunk, counted over all epochs; None for real rows.
        rows: positions in the training part or the chunk, (M,) int64.
        places: positions in the batch, (M,) int64.
    """

    origin: int
    chunk: int | None
    rows: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Assigns rows to batches.

    Attributes:
        counts: origin to rows in an epoch, `real` first if it is there.
        num_real: number of real rows.
        batch_size: rows in a batch.
        exact: whether each batch contains each origin in its share, to within one row.
        drop_last: whether to omit an epoch's last batch if it is not full.
        seed: the seed of all random numbers.
        chunk_rows: rows in a full chunk.
        weights: origin to label to weight; without labels if the generator is not conditioned on the class.
    """

    counts: Mapping[str, int]
    num_real: int
    batch_size: int
    exact: bool
    drop_last: bool
    seed: int
    chunk_rows: int
    weights: Mapping[str, Mapping[str, float]]

    @property
    def num_batches(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(sum(self.counts.values()), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def num_chunks(self, origin: str) -> int:
        """Chunks of a generator in an epoch."""
        return -(-self.counts[origin] // self.chunk_rows)

    def labels(self, origin: str, chunk: int) -> np.ndarray:
        """The label of each position in a chunk, (M,) object; empty labels without a condition."""
        epoch, number = divmod(chunk, self.num_chunks(origin))
        weights = {label: weight for label, weight in self.weights[origin].items() if weight} or {"": 1}
        each = apportion(self.counts[origin], list(weights.values()))
        labels = np.repeat(np.array(list(weights), dtype=object), each)
        labels = labels[self._rng(epoch, origin, "labels").permutation(len(labels))]
        return labels[number * self.chunk_rows : (number + 1) * self.chunk_rows]

    def epoch(self, number: int) -> Epoch:
        """The batches of an epoch."""
        counts = np.array(list(self.counts.values()))
        origins = np.repeat(np.arange(len(counts)), counts)
        # spread evenly, any stretch holds each origin's share to within a row
        within = np.concatenate([np.arange(count) for count in counts])
        keys = (within + 0.5) / counts[origins] if self.exact else self._rng(number, "order").random(len(origins))
        order = np.argsort(keys, kind="stable")
        sequence = origins[order]
        rank = np.empty_like(within)  # a random order mixes the ranks of an origin: number them as they come
        for origin in range(len(counts)):
            rank[sequence == origin] = np.arange(counts[origin])
        rows = []
        for name, count in self.counts.items():
            if name == "real":
                rng = self._rng(number, "real")
                times = -(-count // self.num_real)
                rows.append(np.concatenate([rng.permutation(self.num_real) for _ in range(times)])[:count])
            else:
                rows.append(np.arange(count))
        return Epoch(self, number, sequence, rank, rows)

    def _rng(self, epoch: int, *purpose: str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.seed, epoch, *purpose))


@dataclass(frozen=True)
class Epoch:
    """The batches of one epoch.

    Attributes:
        plan: the plan that it belongs to.
        number: the epoch's number.
        sequence: the origin of each row of the epoch, (E,).
        rank: the number of earlier rows of the same origin, (E,).
        rows: for each origin, the order of its rows.
    """

    plan: Plan
    number: int
    sequence: np.ndarray
    rank: np.ndarray
    rows: Sequence[np.ndarray]

    def batch(self, number: int) -> list[Piece]:
        """The pieces of a batch."""
        start = number * self.plan.batch_size
        sequence = self.sequence[start : start + self.plan.batch_size]
        rank = self.rank[start : start + self.plan.batch_size]
        pieces = []
        for origin, name in enumerate(self.plan.counts):
            places = np.flatnonzero(sequence == origin)
            if not len(places):
                continue
            rows = self.rows[origin][rank[places]]
            if name == "real":
                pieces.append(Piece(origin, None, rows, places))
                continue
            chunks = rows // self.plan.chunk_rows
            for chunk in np.unique(chunks):
                inside = chunks == chunk
                first = self.number * self.plan.num_chunks(name)
                pieces.append(Piece(origin, first + int(chunk), rows[inside] % self.plan.chunk_rows, places[inside]))
        return pieces


class Stream:
    """The chunks of one generator, sampled ahead.

    Args:
        sampling: how its rows are made.
        host: where they are; the chunks lie in its scratch folder.
        plan: determines the content of a chunk.
        background: sample them in a separate process. If false, sample them in this process when they are needed.
    """

    def __init__(self, sampling: Sampling, host: Host, plan: Plan, background: bool):
        generator = sampling.generator[0]
        self._job: Job[SampleTask, Sampled] = Job(sample, [], host, f"{generator.what}: sample", generator.timeout)
        self._sampling, self._plan, self._origin, self._folder = sampling, plan, generator.id, host.scratch
        self._made: dict[int, Future[Sampled]] = {}
        self._asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._row_numbers: dict[int, np.ndarray] = {}
        self._worker: Worker[SampleTask, Sampled] | None = None
        self._call = Call(host, lambda event: None, self._job.what)
        self._background = background

    def ask(self, chunk: int) -> None:
        """Request a chunk, unless it has been requested already."""
        if chunk in self._made:
            return
        future = self._made[chunk] = Future()
        if self._background:
            if self._worker is None:
                self._worker = Worker(self._job, spawn(self._job.host.threads), queue.SimpleQueue())
                threading.Thread(target=_serve, args=(self._asked, self._worker.call), daemon=True).start()
            self._asked.put((self._task(chunk), future))

    def get(self, chunk: int) -> Path:
        """Wait for a chunk and return its folder: a dataset with rows sorted by label.

        Raises:
            ShortfallError: the filters rejected too many rows.
            PluginError: the generator failed.
        """
        self.ask(chunk)
        future = self._made[chunk]
        if not self._background and not future.done():
            future.set_result(self._call.do(self._job.fn, self._task(chunk)))
        result = future.result()
        if result.short:
            dropped = result.rejected
            worst = max(dropped, key=lambda name: dropped[name])
            raise ShortfallError(
                f"generator {self._origin!r}: {result.short} rows of a chunk are missing after {result.rounds} "
                f"rounds; filter {worst!r} rejected most, {dropped[worst]}: loosen it, or increase `max_rounds:`, and "
                "run the pipeline again"
            )
        return self._place(chunk)

    def forget(self, keep_from: int) -> None:
        """Remove the chunks before that one."""
        for chunk in [chunk for chunk, future in self._made.items() if chunk < keep_from and future.done()]:
            del self._made[chunk]
            self._row_numbers.pop(chunk, None)
            remove(self._place(chunk))

    def close(self) -> None:
        """End the process."""
        self._asked.put(None)
        if self._worker is not None:
            self._worker.kill()
            self._worker.close()

    def _labels(self, chunk: int) -> np.ndarray:
        return self._plan.labels(self._origin, chunk)

    def _place(self, chunk: int) -> Path:
        return self._folder / f"{self._origin}-{chunk}"

    def _task(self, chunk: int) -> SampleTask:
        labels = self._labels(chunk)
        distinct, counts = np.unique(labels.astype(str), return_counts=True)
        pairs = tuple((str(label), int(count)) for label, count in zip(distinct, counts, strict=True))
        row = PlanRow(self._origin, chunk, len(labels), pairs if self._plan.weights[self._origin] else ())
        return SampleTask(self._sampling, row, self._place(chunk))

    def rows_at(self, chunk: int, places: np.ndarray) -> np.ndarray:
        """The rows of a chunk's folder at these positions of the stream."""
        if chunk not in self._row_numbers:
            order = np.argsort(self._labels(chunk).astype(str), kind="stable")
            self._row_numbers[chunk] = np.empty(len(order), dtype=np.int64)
            self._row_numbers[chunk][order] = np.arange(len(order))
        rows: np.ndarray = self._row_numbers[chunk][places]
        return rows


def _serve(asked: queue.SimpleQueue[Any], call: Any) -> None:
    while (item := asked.get()) is not None:
        task, future = item
        try:
            future.set_result(call(task))
        except BaseException as error:
            future.set_exception(error)
