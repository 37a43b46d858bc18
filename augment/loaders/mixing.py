"""Loaders that mix real rows with new synthetic ones during training.

The process that iterates plans each batch, and torch's loader workers assemble it from whole arrays. The plan depends
only on the seed and the epoch number, so neither the number of workers nor the speed of a generator changes the stream.
A separate process samples synthetic rows in chunks, ahead of their use.

Shapes: N rows, M rows of a piece.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data import Dataset as TorchDataset

from augment.errors import SpecError, did_you_mean
from augment.loaders.batch_plan import Epoch, Piece, Plan, Stream
from augment.loaders.encoding import Encode, EncodedRows, Items, apply_each, form_of
from augment.loaders.origins import of_generator, of_run
from augment.plan.amounts import apportion
from augment.plan.chunks import chunk_size
from augment.plugin.context import derive_seed
from augment.runner.fitted_generator import FittedGenerator
from augment.storage.hashes import content_key
from augment.storage.run_folder import Run
from augment.storage.written_rows import REAL

__all__ = ["Mixed", "mixed"]

MAX_OPEN = 8  # chunks that a process of torch's loader keeps as tensors


def mixed(
    source: Run | FittedGenerator | Path | str,
    *,
    batch_size: int,
    real: TorchDataset[Any] | None = None,
    proportion: Mapping[str, float] | None = None,
    repeat: Mapping[str, float] | None = None,
    choose: Mapping[str, int] | None = None,
    per_batch: Literal["exact", "average"] = "exact",
    seed: int = 0,
    encode: Encode | None = None,
    with_origin: bool = False,
    drop_last: bool = False,
    ahead: int = 4,
    background: bool = True,
    device: str | None = None,
    **options: Any,
) -> Mixed:
    """A loader of batches that mix real rows with synthetic rows, which are new in every epoch.

        loader = augment.loaders.mixed("runs/first", batch_size=128, proportion={"real": 0.7, "vae": 0.3})
        for x, y in loader: ...

    A generator of `augment.fit` stands for a run whose training part is the data that it was fitted on, and whose mix
    has as many synthetic rows as real ones, in their classes.

    Give at most one of `proportion`, `repeat` and `choose`. The default is `repeat` 1 for all origins, the run's own
    mix. The keys are `real` and ids of generators; origins without a key are left out. The classes of synthetic rows
    have the proportions of the run's mix. A generator without rows in it has those of the training part, and a warning
    names classes that are too small for it. Rows outside the schema, and rows that the run's filters (`loader.filters`)
    reject, are redrawn. Duplicates are not rejected.

    Args:
        source: a run, or its folder; or a generator of `augment.fit`.
        batch_size: rows in a batch.
        real: real rows in your own form, with transforms of your own: a map-style torch Dataset of tuples or mappings
            as `encode` gives them. By default the training part of the run, or the data that the generator was fitted
            on.
        proportion: the share of each origin in an epoch, which contains each real row once.
        repeat: rows of each origin in an epoch, as a multiple of the rows that the run wrote.
        choose: the number of rows of each origin in an epoch.
        per_batch: with `exact`, every batch contains each origin in its share, to within one row. With `average`, only
            the epoch has exact shares.
        seed: determines the order and the synthetic rows.
        encode: a function from rows in human units to a tuple or mapping of tensors. It is called on pieces of any
            size, so it must encode each row independently. By default `tensors`; rows of a generator that was fitted on
            tensors or a torch Dataset are in the form of these.
        with_origin: add the origin of each row to the batch, (N,) int64, as its position in `loader.origins`.
        drop_last: omit an epoch's last batch if it is not full.
        ahead: the number of chunks (of at most 4,096 rows) of each generator that are sampled ahead.
        background: sample rows in a separate process. If false, sample them in this process when they are needed.
        device: the device for the generators. The default is the run's.
        options: arguments for torch's DataLoader, such as `num_workers` and `pin_memory`.

    Raises:
        SpecError: `source` is something else, an origin or amount is invalid, or all classes are too small for a
            generator. While it is iterated: items of `real` have another form than synthetic rows.
        DataError: the folder is not a finished run.
    """
    if ours := set(options) & {"shuffle", "sampler", "batch_sampler", "collate_fn", "persistent_workers"}:
        raise SpecError(f"mixed: {sorted(ours)[0]} cannot be set: the order of a mixed loader is its own")
    if batch_size < 1:
        raise SpecError(f"mixed: batch_size is {batch_size}; at least 1 is expected")
    is_name = isinstance(source, str) and Path(source).name == source and not Path(source).exists()
    if is_name or not isinstance(source, Run | FittedGenerator | Path | str):
        got = repr(source) if is_name else f"a {type(source).__name__}"
        raise SpecError(f"mixed takes a run or a generator of augment.fit; got {got}: fit one first")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="augment-loader-")))
        if isinstance(source, FittedGenerator):
            origins = of_generator(source, scratch, device, seed)
        else:
            origins = of_run(source if isinstance(source, Run) else Run(source), scratch, device, seed)
        written = {**origins.counts, **({REAL: _num_items(real)} if real is not None else {})}
        counts = _counts(written, proportion, repeat, choose)
        weights = {}
        for name in counts:
            if name != REAL:
                weights[name] = origins.weights(name)
        exact = per_batch == "exact"
        chunk_rows = chunk_size(origins.data.schema)
        plan = Plan(counts, written[REAL], batch_size, exact, drop_last, seed, chunk_rows, weights)
        streams = {name: Stream(origins.samplings[name], origins.host, plan, background) for name in weights}
        for stream in streams.values():
            stack.callback(stream.close)
        identity = content_key([origins.identity, counts, batch_size, exact, drop_last, seed])
        encode = encode or origins.encode
        batches = _Batches(EncodedRows(origins.train, encode) if real is None else Items(real), encode, with_origin)
        loader = Mixed(plan, streams, batches, ahead, options, identity, origins.filters)
        weakref.finalize(loader, stack.pop_all().close)
    return loader


def _num_items(real: TorchDataset[Any]) -> int:
    has_items = hasattr(real, "__len__") and hasattr(real, "__getitem__")
    # a frame's items are columns, and those of an IterableDataset with a length cannot be had
    num_items = len(real) if has_items and not isinstance(real, IterableDataset | pd.DataFrame) else 0  # type: ignore[arg-type]
    if not num_items:
        raise SpecError("mixed: real: a torch Dataset with a length and items is expected, such as a Subset")
    return num_items


def _counts(
    written: Mapping[str, int],
    proportion: Mapping[str, float] | None,
    repeat: Mapping[str, float] | None,
    choose: Mapping[str, int] | None,
) -> dict[str, int]:
    """Rows of each origin in an epoch, `real` first, without origins that have none; `written` has those of the mix."""
    said = {"proportion": proportion, "repeat": repeat, "choose": choose}
    given = {word: amounts for word, amounts in said.items() if amounts is not None}
    if len(given) > 1:
        raise SpecError(f"mixed: {' and '.join(given)} are both given; say one of them")
    known = list(written)
    word, amounts = next(iter(given.items()), ("repeat", dict.fromkeys(known, 1)))
    for name, amount in amounts.items():
        if name not in known:
            hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise SpecError(f"mixed: {word}: there is no generator {name!r}{hint}")
        if not 0 <= amount < float("inf"):
            raise SpecError(f"mixed: {word}: {name} is {amount}; a number from 0 on is expected")
    ordered = {name: amounts.get(name, 0) for name in known}
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

    def __init__(self, real: EncodedRows | Items, encode: Encode, with_origin: bool):
        self._real, self._encode, self._with_origin = real, encode, with_origin
        self._chunks: dict[Path, EncodedRows] = {}

    def __getitem__(self, pieces: list[tuple[Piece, Path | None]]) -> Any:
        encoded = [self._of(folder).take(piece.rows) for piece, folder in pieces]
        forms = {form_of(part) for part in encoded}
        if len(forms) > 1:
            raise SpecError(
                f"mixed: items of `real` and synthetic rows have different forms: {' and '.join(sorted(forms))}; pass "
                "encode= to make synthetic rows alike, or a transform of your Dataset"
            )
        place = torch.from_numpy(np.concatenate([piece.places for piece, _ in pieces]).argsort())
        batch = apply_each(lambda *parts: torch.cat(parts)[place], *encoded)
        if not self._with_origin:
            return batch
        origin = torch.cat([torch.full((len(piece.rows),), piece.origin) for piece, _ in pieces])[place]
        return {**batch, "origin": origin} if isinstance(batch, Mapping) else (*batch, origin)

    def _of(self, folder: Path | None) -> EncodedRows | Items:
        if folder is None:
            return self._real
        if folder not in self._chunks:
            while len(self._chunks) >= MAX_OPEN:
                del self._chunks[next(iter(self._chunks))]
            self._chunks[folder] = EncodedRows(folder, self._encode)
        return self._chunks[folder]


def _as_it_is(batch: Any) -> Any:
    return batch
