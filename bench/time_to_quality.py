"""How soon networks for tables are as good as CTGAN and TVAE in the end: Adult, the AUC by CPU-seconds of a fit.

    AUGMENT_DATA=DIR python bench/time_to_quality.py [--only ...] [--peers] [--seeds 3] [--first-seed 0] [--quick]

A checkpoint is a fit of its own with fewer training steps, as the settings of the generator can ask for, so that its
learning rate falls to its end and its CPU-seconds include all: bins, training and what is fitted to the latents. The
AUC is that of `tables.py`: boosted trees are trained on the synthetic rows alone, as many as there are training rows,
and judged on real test rows. With `--peers` CTGAN and TVAE are fitted for 30 epochs in the same run; without, their
figures are those of `tables.json`, whose fits include about 3 CPU-seconds of imports. Results are kept in
bench/results/time_to_quality.json, where a new measurement replaces the one of the same name, and shown in
time_to_quality.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from table_makers import read
from tables import HERE, call, judged, spread

EPOCHS = 30  # of the peers
PEERS = ("CTGAN", "TVAE")
CHECKPOINTS: dict[str, list[dict[str, int]]] = {
    "rnn": [{"steps": steps} for steps in (50, 100)],
    "vae": [{"steps": steps} for steps in (100, 200)],
    "gan": [{"autoencoder_steps": steps, "steps": 2 * steps} for steps in (100, 200)],
}


def measure(maker: str, settings: dict[str, int], seeds: list[int], quick: bool) -> dict[str, dict[str, float]]:
    """What fits cost, and what their rows are worth: seed to figures. The fits share a process."""
    table, judge, real = judged("adult", 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.train.to_csv(folder / "train.csv", index=False)
        about = {"train": str(folder / "train.csv"), "discrete": table.discrete, "target": table.target}
        fits: list[dict[str, Any]] = []
        for seed in seeds:
            request = {"rows": len(table.train), "label": None, "chunk": None, "out": str(folder / f"made-{seed}.csv")}
            fits.append({**about, "seed": seed, "settings": settings, "requests": [request]})
        # one more fit in front, of a single step: it imports what the others need
        first = [{**fits[0], "settings": dict.fromkeys(settings, 1), "requests": []}] if settings else []
        answers = call({"maker": maker, "epochs": 1 if quick else EPOCHS, "fits": [*first, *fits]}, folder)[
            len(first) :
        ]
        return {
            str(fit["seed"]): {
                "fit": answer["fit"],
                "synthetic only": judge(read(fit["requests"][0]["out"], table.discrete))["auc"],
                "real": real,
            }
            for fit, answer in zip(fits, answers, strict=True)
        }


def show(results: dict[str, Any], peers: dict[str, Any], measured: Collection[str]) -> str:
    """The results in Markdown."""
    goals = {name: float(np.mean([run["synthetic only"] for run in runs.values()])) for name, runs in peers.items()}
    stored = " and ".join(peer for peer in peers if peer not in measured)
    lines = [
        "# Time to quality",
        "",
        "Made by `bench/time_to_quality.py`; its docstring explains the figures. Adult, one thread, means ± standard",
        "deviation over seeds." + (f" The figures of {stored} are of another day, from `tables.md`." if stored else ""),
        "",
        "| | settings | seeds | fit, CPU-s | AUC, synthetic only | "
        + " | ".join(f"as good as {n}" for n in goals)
        + " |",
        "|---|---|---|---|---|" + "---|" * len(goals),
    ]
    for name, runs in peers.items():
        lines.append(_line(name, f"{EPOCHS} epochs", runs, {}))
    for maker in [maker for maker in CHECKPOINTS if maker in results]:
        for settings, runs in sorted(results[maker].items(), key=lambda item: _mean(item[1], "fit")):
            lines.append(_line(f"**{maker}**", f"`{settings}`", runs, goals))
    return "\n".join(lines) + "\n"


def _mean(runs: dict[str, dict[str, float]], figure: str) -> float:
    return float(np.mean([run[figure] for run in runs.values()]))


def _line(name: str, settings: str, runs: dict[str, dict[str, float]], goals: dict[str, float]) -> str:
    seconds = spread([run["fit"] for run in runs.values()], lambda value: f"{value:.1f}")
    auc = spread([run["synthetic only"] for run in runs.values()], lambda value: f"{value:.4f}")
    reached = ["yes" if _mean(runs, "synthetic only") >= goal else "no" for goal in goals.values()]
    cells = [name, settings, str(len(runs)), seconds, auc, *(reached or [""] * len(PEERS))]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=sorted(CHECKPOINTS), default=list(CHECKPOINTS))
    parser.add_argument("--peers", action="store_true", help="fit CTGAN and TVAE as well")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the least that runs through; the figures mean nothing")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    place = asked.results / "time_to_quality.json"
    results = json.loads(place.read_text()) if place.exists() else {}
    seeds = list(range(asked.first_seed, asked.first_seed + asked.seeds))
    wanted: list[tuple[str, dict[str, int]]] = [(peer, {}) for peer in PEERS if asked.peers]
    for checkpoints in itertools.zip_longest(*(CHECKPOINTS[maker] for maker in asked.only)):  # the shortest fits first
        wanted += [(maker, settings) for maker, settings in zip(asked.only, checkpoints, strict=True) if settings]
    stored = json.loads((HERE / "results" / "tables.json").read_text())["full"]["adult"]
    for maker, settings in wanted[: len(asked.only) if asked.quick else None]:
        runs = measure(maker, settings, seeds, asked.quick)
        text = ", ".join(f"{name}: {value}" for name, value in settings.items())
        print(maker, text, runs, flush=True)
        results.setdefault(maker, {}).setdefault(text, {}).update(runs)
        asked.results.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        measured = {peer: results[peer][""] for peer in PEERS if peer in results}
        shown = show(results, {peer: stored[peer] for peer in PEERS} | measured, measured)
        (asked.results / "time_to_quality.md").write_text(shown)


if __name__ == "__main__":
    main()
