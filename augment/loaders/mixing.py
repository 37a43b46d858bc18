"""Loaders that mix a run's real rows with new synthetic ones during training.

The process that iterates plans each batch, and torch's loader workers assemble it from whole arrays. The plan depends
only on the seed and the epoch number, so neither the number of workers nor the speed of a generator changes the stream.
A separate process samples synthetic rows in chunks, ahead of their use.

Shapes: N rows, M rows of a piece.
"""

from __future__ import annotations

import tempfile
import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from augment.data import Dataset
from augment.engine.draw_and_filter import Sampling
from augment.engine.jobs import Host
from augment.errors import SpecError, did_you_mean
from augment.loaders.batch_plan import Epoch, Piece, Plan, Stream
from augment.loaders.encoding import Encode, EncodedRows, apply_each, tensors
from augment.plan.amounts import apportion, training_counts
from augment.plan.chunks import chunk_size
from augment.plan.small_classes import explain
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Generator
from augment.runner.sample_finished_run import training_part
from augment.runner.session import opened
from augment.spec.bind import bind
from augment.spec.stages import Bound
from augment.storage.hashes import content_key
from augment.storage.run_folder import Run
from augment.storage.written_rows import REAL

__all__ = ["Mixed", "mixed"]

MOST_OPEN = 8  # chunks that a process of torch's loader keeps as tensors


def mixed(
    run: Run | Path | str,
    *,
    batch_size: int,
    proportion: Mapping[str, float] | None = None,
    repeat: Mapping[str, float] | None = None,
    choose: Mapping[str, int] | None = None,
    per_batch: Literal["exact", "average"] = "exact",
    seed: int = 0,
    encode: Encode = tensors,
    with_origin: bool = False,
    drop_last: bool = False,
    ahead: int = 4,
    background: bool = True,
    device: str | None = None,
    **options: Any,
) -> Mixed:
    """A loader of batches that mix a run's real rows with synthetic rows, which are new in every epoch.

        loader = augment.loaders.mixed("runs/first", batch_size=128, proportion={"real": 0.7, "vae": 0.3})
        for x, y in loader: ...

    Give at most one of `proportion`, `repeat` and `choose`. The default is `repeat` 1 for all origins, the run's own
    mix. The keys are `real` and ids of generators; origins without a key are left out. The classes of synthetic rows
    have the proportions of the run's mix. A generator without rows in it has those of the training part, and a warning
    names classes that are too small for it. Rows outside the schema, and rows that the run's filters (`loader.filters`)
    reject, are redrawn. Duplicates are not rejected.

    Args:
        run: a run, or its folder.
        batch_size: rows in a batch.
        proportion: the share of each origin in an epoch, which contains each real row once.
        repeat: rows of each origin in an epoch, as a multiple of the rows that the run wrote.
        choose: the number of rows of each origin in an epoch.
        per_batch: with `exact`, every batch contains each origin in its share, to within one row. With `average`, only
            the epoch has exact shares.
        seed: determines the order and the synthetic rows.
        encode: a function from rows in human units to a tuple or mapping of tensors. It is called on pieces of any
            size, so it must encode each row independently.
        with_origin: add the origin of each row to the batch, (N,) int64, as its position in `loader.origins`.
        drop_last: omit an epoch's last batch if it is not full.
        ahead: the number of chunks (of at most 4,096 rows) of each generator that are sampled ahead.
        background: sample rows in a separate process. If false, sample them in this process when they are needed.
        device: the device for the generators. The default is the run's.
        options: arguments for torch's DataLoader, such as `num_workers` and `pin_memory`.

    Raises:
        SpecError: an origin or amount is invalid, or all classes are too small for a generator.
        DataError: the folder is not a finished run.
    """
    run = run if isinstance(run, Run) else Run(run)
    if ours := set(options) & {"shuffle", "sampler", "batch_sampler", "collate_fn", "persistent_workers"}:
        raise SpecError(f"mixed: {sorted(ours)[0]} cannot be set: the order of a mixed loader is its own")
    if batch_size < 1:
        raise SpecError(f"mixed: batch_size is {batch_size}; at least 1 is expected")
    overrides = ["trial=false", *([f"device={device}"] if device else [])]  # no model of the trial is needed
    with opened(run.resolved, overrides, workers=1, source_needed=False) as (session, resolved):
        train = training_part(run, session, resolved)
        data = Dataset.load(train)
        schema = data.schema
        components = bind(resolved, schema, None, ("generator", "filter"))
        threads, device = session.threads, session.device
        run_seed = session.seed
    counts = _counts(run, [bound.id for bound in components["generator"]], proportion, repeat, choose)
    fitted = [bound for bound in components["filter"] if bound.id in run.filters]
    filters = tuple((bound, run.filter(bound.id)) for bound in fitted)
    weights: dict[str, Mapping[str, float]] = {}
    samplings: dict[str, Sampling] = {}
    for bound in components["generator"]:
        if bound.id not in counts:
            continue
        assert issubclass(bound.cls, Generator)
        classed = schema.task == "classes" and bound.cls.accepts.conditional != "none"
        per_class = run.metrics.generators[bound.id].per_class if classed else {}
        in_mix = sum(per_class.values()) or not classed
        weights[bound.id] = per_class if in_mix else _large_enough(bound, training_counts(data))
        samplings[bound.id] = Sampling(
            generator=(bound, run.model(bound.id)),
            filters=filters,
            train=train,
            seed=derive_seed(run_seed, "loader", seed),
            purpose="loader",
            max_rounds=resolved.pipeline.max_rounds,
            where={},
        )
    exact = per_batch == "exact"
    plan = Plan(counts, len(data), batch_size, exact, drop_last, seed, chunk_size(schema), weights)
    scratch = tempfile.TemporaryDirectory(prefix="augment-loader-")
    host = Host(Path(scratch.name), device, threads)
    streams = {name: Stream(samplings[name], host, plan, background) for name in counts if name != REAL}
    identity = content_key([run.key, counts, batch_size, exact, drop_last, seed])
    names = tuple(bound.id for bound in components["filter"])
    loader = Mixed(plan, streams, _Batches(train, encode, with_origin), ahead, options, identity, names)
    weakref.finalize(loader, _close, list(streams.values()), scratch)
    return loader


def _close(streams: Sequence[Stream], scratch: tempfile.TemporaryDirectory[str]) -> None:
    for stream in streams:
        stream.close()
    scratch.cleanup()


def _large_enough(generator: Bound, counts: Mapping[str, int]) -> dict[str, int]:
    """The training rows of each class that a generator can be asked for, with a warning about the others.

    Raises:
        SpecError: all classes are too small for it.
    """
    reasons, left_out = explain(
        counts, {generator.id: 1.0}, {generator.id: generator.cls.accepts.min_class_rows}, counts
    )
    able = {label: count for label, count in counts.items() if label not in left_out}
    why = "; ".join(reasons.values())
    if not any(able.values()):
        raise SpecError(f"mixed: no rows can be made: {why}; give {generator.id!r} no share, or name another generator")
    if reasons:
        warnings.warn(f"{why}: no rows of it are made", stacklevel=3)
    return able


def _counts(
    run: Run,
    generators: Sequence[str],
    proportion: Mapping[str, float] | None,
    repeat: Mapping[str, float] | None,
    choose: Mapping[str, int] | None,
) -> dict[str, int]:
    """Rows of each origin in an epoch, `real` first, without origins that have none."""
    said = {"proportion": proportion, "repeat": repeat, "choose": choose}
    given = {word: amounts for word, amounts in said.items() if amounts is not None}
    if len(given) > 1:
        raise SpecError(f"mixed: {' and '.join(given)} are both given; say one of them")
    known = [REAL, *generators]
    word, amounts = next(iter(given.items()), ("repeat", dict.fromkeys(known, 1)))
    for name, amount in amounts.items():
        if name not in known:
            hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise SpecError(f"mixed: {word}: the run has no generator {name!r}{hint}")
        if not 0 <= amount < float("inf"):
            raise SpecError(f"mixed: {word}: {name} is {amount}; a number from 0 on is expected")
    ordered = {name: amounts.get(name, 0) for name in known}
    written = {REAL: run.metrics.rows.train}
    written |= {name: counts.kept for name, counts in run.metrics.generators.items()}
    if word == "repeat":
        ordered = {name: round(amount * written[name]) for name, amount in ordered.items()}
    if not sum(ordered.values()):
        raise SpecError(f"mixed: {word} leaves no rows; name `real` or a generator with a number above 0")
    if word == "proportion":
        shares = [amount / sum(ordered.values()) for amount in ordered.values()]
        total = round(written[REAL] / shares[0]) if shares[0] else sum(written.values())
        ordered = dict(zip(ordered, apportion(total, shares), strict=True))
    return {name: int(amount) for name, amount in ordered.items() if amount}


class Mixed:
    """Batches of real and new synthetic rows: see `mixed`. Each loop over it is one epoch.

    The stream does not depend on the number of loader workers. `state_dict` and `load_state_dict` save and restore the
    position: the next loop starts with the batch that would have come next.

    Attributes:
        origins: the origins of rows: `real` and ids of generators.
        counts: origin to number of rows in an epoch.
        filters: ids of the run's filters, which are applied to the rows.
    """

    def __init__(
        self,
        plan: Plan,
        streams: Mapping[str, Stream],
        batches: _Batches,
        ahead: int,
        options: Mapping[str, Any],
        identity: str,
        filters: tuple[str, ...],
    ):
        self.origins, self.counts, self.filters = tuple(plan.counts), dict(plan.counts), filters
        self._plan, self._streams, self._batches = plan, streams, batches
        self._ahead, self._options, self._identity = ahead, dict(options), identity
        self._reached = self._next = (0, 0)

    def __len__(self) -> int:
        return self._plan.num_batches

    def __iter__(self) -> Iterator[Any]:
        number, first = self._next
        self._reached, self._next = self._next, (number + 1, 0)  # a loop that is left begins anew next time
        planned = _Planned(self._plan.epoch(number), self._streams, first, self._ahead, self._lag)
        workers_seed = torch.Generator().manual_seed(derive_seed(self._plan.seed, number, "workers"))
        options = {"sampler": planned, "collate_fn": _as_it_is, "generator": workers_seed, **self._options}
        for batch, content in enumerate(DataLoader(self._batches, batch_size=None, **options), first + 1):
            self._reached = (number, batch) if batch < len(self) else (number + 1, 0)
            yield content

    @property
    def _lag(self) -> int:
        """How many batches torch's workers may be behind the plan."""
        return int(self._options.get("num_workers", 0)) * int(self._options.get("prefetch_factor") or 2) + 1

    def state_dict(self) -> dict[str, Any]:
        """The position: after the batch that was handed out last."""
        epoch, batch = self._reached
        return {"epoch": epoch, "batch": batch, "made_of": self._identity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on at a position.

        Raises:
            SpecError: it is of a loader of another run, or with other settings.
        """
        if state["made_of"] != self._identity:
            raise SpecError("this position is of a loader of another run, or with other amounts, batch size or seed")
        self._reached = self._next = (int(state["epoch"]), int(state["batch"]))


class _Planned:
    """Hands out what each batch of an epoch is made of, once its rows are there, and has the next rows made."""

    def __init__(self, epoch: Epoch, streams: Mapping[str, Stream], first: int, ahead: int, lag: int):
        self._epoch, self._streams, self._first, self._ahead, self._lag = epoch, streams, first, ahead, lag

    def __len__(self) -> int:
        return self._epoch.plan.num_batches - self._first

    def __iter__(self) -> Iterator[list[tuple[Piece, Path | None]]]:
        plan = self._epoch.plan
        begun: list[dict[str, int]] = []  # the first chunk that each of the last batches needs
        for number in range(self._first, plan.num_batches):
            located: list[tuple[Piece, Path | None]] = []
            needed: dict[str, int] = {}
            for piece in self._epoch.batch(number):
                name = self._origin_name(piece)
                if piece.chunk is None:
                    located.append((piece, None))
                    continue
                stream = self._streams[name]
                for chunk in range(piece.chunk, piece.chunk + self._ahead + 1):
                    stream.ask(chunk)
                folder = stream.get(piece.chunk)
                rows = stream.rows_at(piece.chunk, piece.rows)
                located.append((Piece(piece.origin, piece.chunk, rows, piece.places), folder))
                needed.setdefault(name, piece.chunk)
            begun.append(needed)
            if len(begun) > self._lag:
                for name, chunk in begun.pop(0).items():
                    self._streams[name].forget(chunk)
            yield located

    def _origin_name(self, piece: Piece) -> str:
        """The origin of a piece."""
        return list(self._epoch.plan.counts)[piece.origin]


class _Batches(TorchDataset[Any]):
    """Assembles batches, in the process in which torch's loader requests them."""

    def __init__(self, train: Path, encode: Encode, with_origin: bool):
        self._encode, self._with_origin = encode, with_origin
        self._real = EncodedRows(train, encode)
        self._chunks: dict[Path, EncodedRows] = {}

    def __getitem__(self, pieces: list[tuple[Piece, Path | None]]) -> Any:
        encoded = [self._of(folder).take(piece.rows) for piece, folder in pieces]
        place = torch.from_numpy(np.concatenate([piece.places for piece, _ in pieces]).argsort())
        batch = apply_each(lambda *parts: torch.cat(parts)[place], *encoded)
        if not self._with_origin:
            return batch
        origin = torch.cat([torch.full((len(piece.rows),), piece.origin) for piece, _ in pieces])[place]
        return {**batch, "origin": origin} if isinstance(batch, Mapping) else (*batch, origin)

    def _of(self, folder: Path | None) -> EncodedRows:
        if folder is None:
            return self._real
        if folder not in self._chunks:
            while len(self._chunks) >= MOST_OPEN:
                del self._chunks[next(iter(self._chunks))]
            self._chunks[folder] = EncodedRows(folder, self._encode)
        return self._chunks[folder]


def _as_it_is(batch: Any) -> Any:
    return batch
