"""One generator, fitted on data in memory and sampled as often as needed: no trial, no run, no folder unless asked.

Everything happens in this process. Rows are made by the same code as those of a run: with the same settings, training
rows and seed they are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from augment.data import Dataset, Schema, SchemaDeclaration, as_labels, conform, observe
from augment.engine.draw_and_filter import IN_SCHEMA, Sampler, Sampling, fill_chunk
from augment.engine.executors import limit_threads
from augment.engine.jobs import Call, Host
from augment.engine.tasks import Losses, fit_component, load_fitted, save_fitted
from augment.errors import DataError, DiskError, ShortfallError, SpecError, did_you_mean
from augment.in_memory import FILE, Form, hold
from augment.plan.amounts import amounts, training_counts
from augment.plan.chunks import chunk_size, given_frame, plan
from augment.plan.new_ids import NewIds
from augment.plan.small_classes import explain, find_too_small
from augment.plugin.catalog import Catalog
from augment.plugin.context import Checkpoint, derive_seed
from augment.plugin.contracts import Generator
from augment.runner.in_call import bind_in_call, in_call
from augment.runner.in_memory_sources import merged_schema
from augment.runner.read_in_memory import read_in_memory
from augment.spec.load import load
from augment.spec.stages import Bound, bound_from_json
from augment.storage.atomic_files import disk_errors, draft, publish
from augment.storage.hashes import library_versions
from augment.storage.store import find_damage, write_manifest
from augment.text import listing

__all__ = ["FITTED", "FittedGenerator", "fit"]

FITTED, MODEL, TRAIN = "fitted.json", "model", "train"  # in the folder of a fitted generator
MAX_ROUNDS = 10  # in which rows outside the schema are drawn again


class _Facts(BaseModel):
    """What `fitted.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    component: dict[str, Any]
    form: Form
    columns: Schema
    seed: int
    device: str
    threads: int
    notes: list[str]
    new_ids: dict[str, NewIds]
    versions: dict[str, str]


@dataclass(frozen=True, eq=False, repr=False)
class FittedGenerator:
    """A generator that has learned from data, see `augment.fit`.

    Attributes:
        name: of the generator.
        schema: what each column and array of the data is, ids included.
        losses: what the generator reported while it learned: a column `step`, and one for each loss.
        notes: what to know about how the data was read: columns that are taken for ids or codes, for example.
    """

    name: str
    schema: Schema
    losses: pd.DataFrame
    notes: tuple[str, ...]
    _facts: _Facts
    _sampler: Sampler
    _calls: list[int]

    def __repr__(self) -> str:
        return f"FittedGenerator({self.name!r}, fitted on {self._sampler.train!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: what was learned from, the types of its columns, and the notes."""
        types: dict[str, str] = {name: column.type for name, column in self.schema.columns.items()}
        types |= {name: str(array.type) for name, array in self.schema.arrays.items()}
        table = pd.DataFrame({"type": types}).rename(index=str).T.to_html()
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(repr(self))}</p>{table}<ul>{notes}</ul>"

    def sample(self, rows: int | None = None, *, given: Any = None, seed: int | None = None) -> Any:
        """Synthetic rows, in the form in which the data came: a DataFrame for a DataFrame, (X, y) for X and y.

        Without `given`, a target with classes has them in the shares of the data. Every call gives other rows, and a
        program that is run again the same ones. Rows outside the schema are drawn again. Ids are new.

        Args:
            rows: how many.
            given: column to the value that all rows have, `{"y": "yes"}`; or a frame of such columns with one row for
                each row that is wanted, in that order.
            seed: gives the same rows whenever it is given; by default, the seed of the fit and the number of the call.

        Raises:
            SpecError: the generator cannot be asked for these columns or classes.
            ShortfallError: rows are missing, because too many were outside the schema.
        """
        asked, in_order = self._asked(rows, given)
        bound, train = self._sampler.bound, self._sampler.train
        number = self._calls[0]
        purpose = "sample" if seed is not None or not number else f"sample-{number}"
        names = (self._facts.seed if seed is None else seed, bound.id, purpose)
        pieces: list[Dataset] = []
        with tempfile.TemporaryDirectory(prefix="augment-") as folder, limit_threads(self._facts.threads):
            call = _call(self._facts, Path(folder), f"{bound.what}: sample", [])
            for chunk, piece in enumerate(asked):
                pieces.append(call.do(lambda task, call: self._fill(task, (*names, chunk), call), piece))  # noqa: B023
        drawn = Dataset.concat(pieces) if pieces else train.take(slice(0, 0))
        if not in_order:
            order = np.random.default_rng(derive_seed(*names, "order")).permutation(len(drawn))
            drawn = drawn.take(order)
        if seed is None:
            self._calls[0] += 1
        start = self._calls[1]
        self._calls[1] += len(drawn)
        others = {name: self._facts.new_ids[name].take(start, len(drawn)) for name in self._facts.new_ids}
        others |= {name: pd.Series([None] * len(drawn)) for name in self.schema.set_aside if name not in others}
        frame = conform(drawn.frame.assign(**others), self.schema)
        return self._facts.form.restore(Dataset(frame, drawn.arrays, self.schema))

    @property
    def form(self) -> Form:
        """The form in which the data came, and in which rows are given."""
        return self._facts.form

    def lend(self, folder: Path, purpose: str, seed: int, device: str | None) -> tuple[Sampling, Host]:
        """How another process makes rows, from what is saved into this new folder; and on which device."""
        self.save(folder)
        facts = self._facts
        model, other_seed = (self._sampler.bound, folder / MODEL), derive_seed(facts.seed, purpose, seed)
        sampling = Sampling(model, (), folder / TRAIN, other_seed, purpose, MAX_ROUNDS, {})
        return sampling, Host(folder, device or facts.device, facts.threads)

    def _fill(self, given: pd.DataFrame, seed: tuple[str | int, ...], call: Call) -> Dataset:
        chunk = fill_chunk(self._sampler, given, seed, call, max_rounds=MAX_ROUNDS)
        if missing := len(given) - len(chunk.data):
            raise ShortfallError(
                f"{missing} of {len(given)} rows are missing after {chunk.rounds} rounds: {chunk.rejected[IN_SCHEMA]} "
                f"of {chunk.judged[IN_SCHEMA]} candidates were outside the bounds or categories of the schema; widen "
                "those, ask for fewer rows, or use another generator"
            )
        return chunk.data

    def _asked(self, rows: int | None, given: Any) -> tuple[list[pd.DataFrame], bool]:
        """The conditions of each chunk, and whether their rows are in the order of the caller's."""
        bound, train = self._sampler.bound, self._sampler.train
        if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int | np.integer) or rows < 0):
            raise SpecError(f"rows: expected how many rows to sample, got {rows!r}")
        if given is not None:
            frame = self._conditions(rows, given)
            size = chunk_size(train.schema)
            return [frame[start : start + size].reset_index(drop=True) for start in range(0, len(frame), size)], True
        if rows is None:
            raise SpecError("rows: expected how many rows to sample, as in sample(500)")
        classed = train.schema.task == "classes" and bound.cls.accepts.conditional != "none"
        counts = training_counts(train)
        too_small = find_too_small({bound.id: bound.cls.accepts.min_class_rows if classed else 0}, counts)[bound.id]
        able = {label: count for label, count in counts.items() if label not in too_small}
        if not able:
            raise SpecError(
                f"no class has enough rows: {bound.id!r} needs {bound.cls.accepts.min_class_rows} of a class"
            )
        wanted = amounts(int(rows), able)
        chunks = plan(wanted, {bound.id: 1.0}, {bound.id: classed}, train.schema)
        return [given_frame(chunk, train.schema) for chunk in chunks], not classed

    def _conditions(self, rows: int | None, given: Any) -> pd.DataFrame:
        """The frame of what is given, in the types of the schema."""
        schema, bound = self._sampler.train.schema, self._sampler.bound
        if isinstance(given, Mapping) and all(np.ndim(value) == 0 for value in given.values()):
            if rows is None:
                raise SpecError("rows: expected how many rows of these values to sample, as in sample(500, given=...)")
            frame = pd.DataFrame({name: [value] * rows for name, value in given.items()}, index=pd.RangeIndex(rows))
        else:
            frame = pd.DataFrame(given) if isinstance(given, Mapping) else _as_frame(given)
            if rows not in (None, len(frame)):
                raise SpecError(
                    f"rows: given has {len(frame)} rows, and {rows} are asked for; leave one of the two out"
                )
        frame = frame.rename(columns=str)
        conditional = bound.cls.accepts.conditional
        by_target = conditional == "target" and schema.task == "classes"
        for name in frame.columns:
            if name not in schema.columns:
                raise SpecError(
                    f"given: the data has no column {name!r}, but {listing(schema.columns)}"
                    f"{did_you_mean(name, schema.columns)}"
                )
            if conditional != "any" and not (by_target and name == schema.target):
                able = f"the target, {schema.target!r}, alone" if by_target else "no column"
                raise SpecError(f"given: {name!r} cannot be given; generator {bound.id!r} can be asked for {able}")
            column = schema.columns[name]
            known = schema.classes if name == schema.target else column.categories
            labels = as_labels(frame[name])
            if known and (unknown := [label for label in labels if label not in known]):
                raise SpecError(f"given: no row of the data has {name!r} {unknown[0]!r}; it is one of {listing(known)}")
            if name == schema.target and known:
                counts = training_counts(self._sampler.train)
                least = {bound.id: bound.cls.accepts.min_class_rows}
                reasons, _ = explain(dict.fromkeys(labels, 1), {bound.id: 1.0}, least, counts)
                if reasons:
                    raise SpecError(f"given: {next(iter(reasons.values()))}")
        with in_call():
            types = Schema(
                columns={name: schema.columns[name] for name in frame.columns},
                target=schema.target if schema.target in frame else None,
            )
            return conform(frame.reset_index(drop=True), types)

    def save(self, folder: Path | str) -> Path:
        """Write the generator into a new folder, which `augment.load` reads. Returns the folder.

        It holds the fitted state, and the training rows, from which many generators start: it is as private as they.

        Raises:
            SpecError: there is something at that place already.
        """
        place = Path(folder).absolute()
        if place.exists():
            raise SpecError(f"{place} exists; name another folder, or remove it")
        bound, facts = self._sampler.bound, self._facts
        losses = {
            int(row["step"]): {
                str(name): float(row[name]) for name in row if name != "step" and not np.isnan(row[name])
            }
            for row in self.losses.to_dict("records")
        }
        offer = Catalog().offer(bound.use)
        metadata: dict[str, str | int] = {"seed": facts.seed, "plugin": offer.distribution, "version": offer.version}
        place.parent.mkdir(parents=True, exist_ok=True)
        with draft(place) as hidden, disk_errors(place, "saving a generator"):
            built = hidden / "built"
            built.mkdir()
            save_fitted(bound, self._sampler.generator, losses, metadata, built / MODEL)
            self._sampler.train.save(built / TRAIN)
            (built / FITTED).write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")
            write_manifest(built)
            publish(built, place)
        return place

    @classmethod
    def load(cls, folder: Path | str) -> FittedGenerator:
        """Read what `save` has written. Its first call of `sample` gives the rows that the first one of the fit gave.

        Raises:
            DiskError: a file is missing or was changed.
            PluginError: the generator is not installed, or has other settings by now.
        """
        place = Path(folder).absolute()
        if damage := find_damage(place):
            raise DiskError(f"{place}: not what `save` has written: {damage}")
        try:
            facts = _Facts.model_validate_json((place / FITTED).read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            raise DiskError(f"{place / FITTED} is damaged, or another version of augment wrote it: {error}") from error
        bound = bound_from_json(facts.component, Catalog())
        fitted = load_fitted(bound, place / MODEL)
        assert isinstance(fitted, Generator)
        losses = pd.read_csv(place / MODEL / "losses.csv")
        sampler = Sampler(bound, fitted, Dataset.load(place / TRAIN))
        return cls(bound.id, facts.columns, losses, tuple(facts.notes), facts, sampler, [0, 0])


def fit(
    generator: str,
    data: Any,
    y: Any = None,
    *,
    target: str | int | None = None,
    rate: float | None = None,
    settings: Mapping[str, Any] | None = None,
    schema: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "cpu",
    threads: int = 1,
) -> FittedGenerator:
    """Fit one generator on data in memory, in this process: no hold-out, no trial, no folder.

    >>> import pandas as pd
    >>> flowers = pd.DataFrame({"petals": [3, 4, 5, 6] * 5, "colour": ["red", "blue"] * 10})
    >>> fitted = fit("bootstrap", flowers, target="colour")
    >>> fitted.sample(4, given={"colour": "red"})["colour"].tolist()
    ['red', 'red', 'red', 'red']

    Whether its rows help is not measured: for that, `augment.run` takes the same data.

    Args:
        generator: its name, as `augment plugins` lists it.
        data: a frame (pandas, polars, Arrow), a torch or Hugging Face Dataset; or features: an array or tensor (N, F),
            images (N, H, W), (N, H, W, C) or (N, C, H, W), series (N, T, F), a list of texts, or a list of series.
        y: (N,) the target, if it is not a column of the data.
        target: the column of the data that is the target, if there is one.
        rate: samples a second (Hz), if the data is recordings: an array (N, T), or a list of arrays (T,), float in
            [-1, 1].
        settings: of the generator, as under `with:` in a pipeline.
        schema: what the data is, as under `schema:` in a pipeline: `{"columns": {"rooms": {"type": "category"}}}`.
        seed: equal seeds, settings and data give equal rows.
        device: `cpu`, `cuda` or `cuda:1`.
        threads: how many threads it may use. Results depend on it.

    Raises:
        DataError: the data cannot be used as it is.
        SpecError: a name or a setting is wrong, or the generator does not take such data.
        PluginError: the generator failed.
    """
    catalog = Catalog()
    held = hold(data, y, target, rate)
    source = catalog.default_names("source")[0]  # what reads the files that `held` writes
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="augment-") as folder:
        path = held.write(Path(folder))
        tree: dict[str, Any] = {
            "seed": seed,
            "device": device,
            "source": {"use": source, "with": {"path": str(path)}},
            "schema": merged_schema(held.declared, held.target, schema or {}),
            "generators": [{"use": generator, "with": dict(settings or {})}],
            "trial": False,
            **{key: [] for key in ("filters", "metrics", "reporters")},
        }
        with in_call(path), limit_threads(threads):
            resolved = load(tree, catalog)
            call = Call(Host(Path(folder), device, threads), lambda event: _note(event, notes), "the data")
            whole = call.do(_read, (path, resolved.pipeline.schema_, catalog))
            schema_of_all, observed = observe(whole.schema, whole.frame, whole.arrays)
            whole = Dataset.of(whole.frame, whole.arrays, schema_of_all)
            train = whole.drop_columns(schema_of_all.set_aside)
            (bound,) = bind_in_call(resolved, resolved.select_stages("generator"), train.schema, len(train))
            new_ids = {
                name: NewIds.after(whole.frame[name])
                for name in schema_of_all.set_aside
                if schema_of_all.columns[name].type == "id"
            }
            facts = _Facts(
                component=bound.to_json(),
                form=held.form,
                columns=schema_of_all,
                seed=seed,
                device=device,
                threads=threads,
                notes=list(dict.fromkeys([*notes, *observed])),
                new_ids=new_ids,
                versions=library_versions(),
            )
            fitted, losses = _call(facts, Path(folder), f"{bound.what}: fit", notes).do(_fit, (bound, train, seed))
    assert isinstance(fitted, Generator)
    frame = pd.DataFrame([{"step": step, **losses[step]} for step in sorted(losses)])
    return FittedGenerator(
        bound.id, schema_of_all, frame, tuple(facts.notes), facts, Sampler(bound, fitted, train), [0, 0]
    )


def _read(task: tuple[Path, SchemaDeclaration, Catalog], call: Call) -> Dataset:
    data = read_in_memory(*task, call.host.scratch)
    target = data.schema.target
    if target is not None and (missing := int(data.frame[target].isna().sum())):
        raise DataError(
            f"the target {target!r} is missing in {missing} of {len(data)} rows; fill it in, or drop those rows"
        )
    return data


def _fit(task: tuple[Bound, Dataset, int], call: Call) -> tuple[Any, Losses]:
    bound, train, seed = task
    return fit_component(bound, train, derive_seed(seed, bound.kind, bound.id, "fit"), call, checkpoint=Checkpoint())


def _call(facts: _Facts, folder: Path, what: str, notes: list[str]) -> Call:
    return Call(Host(folder, facts.device, facts.threads), lambda event: _note(event, notes), what)


def _note(event: Mapping[str, Any], notes: list[str]) -> None:
    if event["event"] == "note":
        notes.append(str(event["message"]).replace(FILE, "the data"))


def _as_frame(given: Any) -> pd.DataFrame:
    if isinstance(given, pd.DataFrame):
        return given
    held = hold(given)
    frame: pd.DataFrame = held.table.to_pandas()
    return frame
