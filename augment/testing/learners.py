"""Rules for components that learn: determinism, no side effects, fitted state that can be saved."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset, Schema
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Component
from augment.testing.elsewhere import outcome, result_elsewhere
from augment.testing.every_kind import is_importable
from augment.testing.rules import Case, Rule, difference, one, one_a_modality

__all__ = ["rules"]

STATEFUL = ("generator", "filter", "transform")
NUM_ROWS = 64


def rules(component: type[Component]) -> list[Rule]:
    """The rules that apply to this component."""
    applicable = []
    if component.kind in (*STATEFUL, "probe", "metric"):
        applicable += [
            Rule(same_seed_same_outcome, one_a_modality),
            Rule(inputs_are_left_as_they_were, one_a_modality),
            Rule(global_random_state_is_left_alone, one_a_modality),
        ]
    if component.kind in (*STATEFUL, "probe"):
        applicable.append(Rule(asking_twice_changes_nothing, one_a_modality))
    if component.kind in STATEFUL:
        applicable += [
            Rule(saving_twice_gives_the_same_bytes, one_a_modality),
            Rule(state_is_safetensors_and_json, one_a_modality),
            Rule(loading_brings_back_what_was_saved, one_a_modality),
            Rule(a_new_process_loads_the_same, one),
        ]
    return applicable


@dataclass(frozen=True)
class Use:
    """A component that was fitted and used once, and what was seen of that.

    Attributes:
        component: fitted; that of the first use is the one that all checks share.
        outcome: the result of its use.
        changed_inputs: names of the data that it was given and changed.
        changed_globals: names of global states that it changed.
        progress: what the fit reported, as (step, total, losses).
    """

    component: Any
    outcome: Any
    changed_inputs: list[str]
    changed_globals: list[str]
    progress: list[tuple[int, int, Mapping[str, float]]]


def use(case: Case, turn: int) -> Use:
    """The first or the second use, with other global random states each, shared by all checks."""
    return case.once(f"use {turn}", lambda: _use(case, turn))


def _use(case: Case, turn: int) -> Use:
    parts = {
        "training part": case.data,
        "other data": case.other_data,
        "request": request(case),
        "hold-out": case.unseen(seed=2),
    }
    data, other, asked, unseen = parts.values()
    fingerprints = {name: part.fingerprint() for name, part in parts.items()}
    progress: list[tuple[int, int, Mapping[str, float]]] = []
    with _with_global_state(turn):
        states = _global_states()
        context = case.context("fit", train=data, progress=lambda *report: progress.append(report))
        component = case.fit(data, context, other)
        context = case.context("work", train=data)
        if case.component.kind == "probe":
            result = component.predict(asked)
        elif case.component.kind == "metric":
            result = component.score(other, data, unseen, context)
        else:
            result = outcome(component, asked, context)
        states_after = _global_states()
    changed_inputs = [name for name, part in parts.items() if part.fingerprint() != fingerprints[name]]
    changed_globals = [name for name, state in states.items() if states_after[name] != state]
    if turn == 1:
        case.once("fitted", lambda: component)
    return Use(component, result, changed_inputs, changed_globals, progress)


def work(case: Case, component: Any) -> Any:
    """The result of a fitted component, for the same input and seed each time."""
    if case.component.kind == "probe":
        return component.predict(request(case))
    if case.component.kind == "metric":
        context = case.context("work", train=case.data)
        return component.score(case.other_data, case.data, case.unseen(seed=2), context)
    return outcome(component, request(case), case.context("work", train=case.data))


def request(case: Case) -> Dataset:
    """The component's input."""
    if case.component.kind == "generator":
        given = case.given(NUM_ROWS)
        schema = case.data.schema
        return Dataset(given, {}, Schema(columns={name: schema.columns[name] for name in given.columns}))
    other = case.other_data
    if case.component.kind == "probe" and other.schema.target:
        return other.drop_columns([other.schema.target])
    return other


def same_seed_same_outcome(case: Case) -> None:
    """Running twice with the same data and seeds gives the same result, whatever the global random state is.

    Runs can only be compared and resumed if they are reproducible to the byte.
    """
    mismatch = difference(use(case, 1).outcome, use(case, 2).outcome)
    case.expect(
        not mismatch,
        done="fitted and used it twice with the same data and seeds, with different global random states",
        happened=f"different outcomes: {mismatch}",
        expected="the same outcome, to the bit",
        fix="draw from context.rng or context.torch_generator() alone; give libraries a seed from context.rng; "
        "run over no set; run networks on fixed-size batches",
    )


def asking_twice_changes_nothing(case: Case) -> None:
    """Using a fitted component does not change its state.

    Any worker can sample any chunk in any order, and again after a kill.
    """
    first = use(case, 2)
    mismatch = difference(first.outcome, work(case, first.component))
    case.expect(
        not mismatch,
        done="used the same fitted component twice with the same input and seed",
        happened=f"different outcomes: {mismatch}",
        expected="the same outcome, to the bit: chunks are made anywhere, in any order",
        fix="keep nothing on `self` outside `fit`, such as a random stream, a counter or a cache of draws",
    )


def inputs_are_left_as_they_were(case: Case) -> None:
    """A component does not modify its input.

    The host passes the same rows to the next component without copying them.
    """
    changed = use(case, 1).changed_inputs
    case.expect(
        not changed,
        done="compared the data before and after",
        happened=f"{' and '.join(changed)} changed",
        expected="data that is left as it was: others look at the same rows",
        fix="work on copies: frame.copy(), array.copy(), frame.assign(...)",
    )


def global_random_state_is_left_alone(case: Case) -> None:
    """The global random states of Python, numpy and torch stay unchanged.

    They belong to the user's program and to other components.
    """
    use(case, 1)  # imports what it needs, so that torch's state can be looked at before and after
    changed = use(case, 2).changed_globals
    case.expect(
        not changed,
        done="fitted and used it, and looked at global states before and after",
        happened=f"changed: {', '.join(changed)}",
        expected="global state as it was found: the user's own program draws from it",
        fix="use context.rng and context.torch_generator(); what draws from torch's global state, such as layers being "
        "made, goes inside torch.random.fork_rng()",
    )


def saving_twice_gives_the_same_bytes(case: Case) -> None:
    """Saving the same state twice gives the same bytes, also after loading.

    Fits are stored and compared by the hashes of their files.
    """
    component = case.fitted()
    first, second = saved(case, component), saved(case, component)
    again = saved(case, case.component.load(first, case.params))  # type: ignore[attr-defined]
    contents = [_contents(folder) for folder in (first, second, again)]
    case.expect(
        contents[0] == contents[1] == contents[2],
        done="saved it twice, loaded it, and saved that",
        happened=f"different bytes in {', '.join(sorted(_unequal(contents)))}",
        expected="the same bytes each time: runs are compared and resumed by hashes",
        fix="use augment.plugin.state.write_state; no times, no sets, no unordered metadata",
    )


def state_is_safetensors_and_json(case: Case) -> None:
    """Loading a hostile state file does not run code.

    A run's folder can come from someone else, and pickled files run code when they are opened.
    """
    names = sorted(_contents(saved(case, case.fitted())))
    foreign = [name for name in names if Path(name).suffix not in (".safetensors", ".json")]
    case.expect(
        not foreign,
        done="saved it, and looked at the files",
        happened=f"files {', '.join(foreign)}",
        expected="*.safetensors and *.json alone",
        fix="use augment.plugin.state.write_state(folder, tensors, values)",
    )


def loading_brings_back_what_was_saved(case: Case) -> None:
    """A loaded component gives the same results as the saved one.

    `sample` usually runs in another process than `fit`, where unsaved state is lost.
    """
    component = case.fitted()
    loaded = case.component.load(saved(case, component), case.params)  # type: ignore[attr-defined]
    mismatch = difference(work(case, component), work(case, loaded))
    threshold = getattr(component, "threshold", None), getattr(loaded, "threshold", None)
    case.expect(
        not mismatch and threshold[0] == threshold[1],
        done="saved it, loaded it, and used both with the same input and seed",
        happened=f"different outcomes: {mismatch or f'thresholds {threshold[0]} and {threshold[1]}'}",
        expected="the same outcome, to the bit",
        fix="save everything that `fit` learnt, in its full precision",
    )


def a_new_process_loads_the_same(case: Case) -> None:
    """A saved component gives the same results in a new process.

    Workers are new processes, without the module variables and closures of the old one.
    """
    case.expect(
        is_importable(case.component),
        done="looked for the class from a new process",
        happened=f"it is defined inside a function: {case.component.__qualname__}",
        expected="a class at the top of a module, which workers can import",
        fix="move it to the top of its module",
    )
    component = case.fitted()
    folder = case.folder / "elsewhere"
    folder.mkdir()
    saved(case, component, folder / "state")
    context = case.context("work", train=case.data)
    case.data.save(folder / "train")
    request(case).save(folder / "request")
    (folder / "params.json").write_text(case.params.model_dump_json(), encoding="utf-8")
    (folder / "seed.txt").write_text(str(context.seed), encoding="utf-8")
    try:
        result = result_elsewhere(case.component, folder)
    except RuntimeError as error:
        case.expect(
            False,
            done="saved it, and loaded and used it in a new process",
            happened=f"that process failed:\n{error}",
            expected="the same outcome as here",
            fix="import what is needed where it is used, and save everything that `fit` learnt",
        )
    mismatch = difference(work(case, component), result)
    case.expect(
        not mismatch,
        done="saved it, and loaded and used it in a new process, with the same input and seed",
        happened=f"another outcome than here: {mismatch}",
        expected="the same outcome, to the bit",
        fix="use no hash() of text, no order of sets, no state of the module; save everything that `fit` learnt",
    )


def saved(case: Case, component: Any, folder: Path | None = None) -> Path:
    """A new folder with the component's state."""
    place = folder or case.folder / f"state-{len(list(case.folder.iterdir()))}"
    place.mkdir()
    component.save(place)
    return place


def _contents(folder: Path) -> dict[str, str]:
    """Relative path to SHA-256, for all files in the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _unequal(contents: list[dict[str, str]]) -> set[str]:
    names = set().union(*contents)
    return {name for name in names if len({content.get(name) for content in contents}) > 1}


def _global_states() -> dict[str, Any]:
    states: dict[str, Any] = {
        "python's random state": random.getstate(),
        "numpy's global random state": repr(np.random.get_state(legacy=False)),  # noqa: NPY002 to look at, not to draw
        "numpy's error settings": np.geterr(),
    }
    torch: Any = sys.modules.get("torch")
    if torch:
        states |= {
            "torch's global random state": torch.get_rng_state().numpy().tobytes(),
            "torch's number of threads": torch.get_num_threads(),
            "torch's default dtype": torch.get_default_dtype(),
            "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
            "torch's gradient mode": torch.is_grad_enabled(),
        }
    return states


@contextmanager
def _with_global_state(turn: int) -> Iterator[None]:
    """Set the global random states, and restore the user's afterwards."""
    seed = derive_seed("global", turn) % 2**32
    torch: Any = sys.modules.get("torch")
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 to put back
    torch_state = torch.get_rng_state() if torch else None
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 the component must not see it
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        if torch:
            torch.set_rng_state(torch_state)
