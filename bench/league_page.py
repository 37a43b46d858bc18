"""The league's page: means, wins and ranks of each way over the tables, and a picture of the ranks.

Differences are to real rows alone, the same table, cut and model. They are averaged over cuts, then over the tables of
a family, then over families; the standard error is over families. Ranks are among the ways that could be tried on every
table that the picture covers. The critical difference is Nemenyi's, at 5 % (Demsar, 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

FIGURES = {  # its words, whether higher is better
    "auc": ("ROC AUC", True),
    "precision": ("average precision", True),
    "balanced": ("balanced accuracy", True),
    "balanced at prior": ("the same, threshold at the prior", True),
    "loss": ("log loss", False),
    "loss corrected": ("the same, corrected for the prior", False),
}
MODELS = ("boosting", "small boosting", "logistic", "forest")
TIE = 0.001  # of a table's mean difference
MIN_TABLES = 50  # with fewer, a way has a section of its own
CLEAR = 2.0  # standard errors
AIMS = {  # figure to what it is for
    "precision": "to rank rows: average precision",
    "balanced": "to decide: balanced accuracy",
    "balanced at prior": "to decide, the threshold at the prior with and without: balanced accuracy",
    "loss corrected": "to give probabilities: log loss, corrected for the prior",
}
FEWER = {  # ways to what their tables are
    ("BorderlineSMOTE",): "BorderlineSMOTE, on lopsided tables of numbers alone",
    ("rnn", "vae", "gan", "CTGAN", "TVAE", "GaussianCopula", "ARF"): "Networks and other libraries, on small tables",
}
OURS = ("smote", "trees", "anchored", "vae", "gan", "rnn")


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """Each result less that of real rows alone, the same table, cut and model; higher is better in all figures."""
    place = ["set", "cut", "model"]
    base = scores[scores["arm"] == "none"].set_index(place)[list(FIGURES)]
    others = scores[scores["arm"] != "none"].set_index(place)
    others = others[others.index.isin(base.index)]
    signs = np.array([1.0 if higher else -1.0 for _, higher in FIGURES.values()])
    others[list(FIGURES)] = (others[list(FIGURES)] - base.loc[others.index]) * signs
    moved = base.copy()
    moved["balanced"] = base["balanced at prior"] - base["balanced"]
    moved[[name for name in FIGURES if name != "balanced"]] = 0.0
    moved = moved.assign(arm="threshold", amount="-", made=0.0)
    models = base.reset_index().set_index(["set", "cut"])
    smaller, larger = (models[models["model"] == model][list(FIGURES)] for model in ("small boosting", "boosting"))
    smaller = ((smaller - larger) * signs).assign(arm="smaller model", model="boosting", amount="-", made=0.0)
    return pd.concat([others.reset_index(), moved.reset_index(), smaller.reset_index()], ignore_index=True)


def by_table(found: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Mean differences over the cuts: tables by ways."""
    return found.pivot_table(figure, index="set", columns="arm")


def mean_and_error(values: pd.Series, families: Mapping[str, str]) -> tuple[float, float, int]:
    """The mean over families, its standard error, and how many families there are."""
    of_family = values.dropna().groupby(families).mean()
    return float(of_family.mean()), float(of_family.std(ddof=1) / np.sqrt(len(of_family))), len(of_family)


def table(found: pd.DataFrame, families: Mapping[str, str]) -> list[str]:
    """One model's figures in Markdown: a line for each way, the best by average precision first."""
    order = by_table(found, "precision").mean().sort_values(ascending=False).index
    lines = ["| way | tables | " + " | ".join(words for words, _ in FIGURES.values()) + " | CPU-s |"]
    lines.append("|---|---|" + "---|" * (len(FIGURES) + 1))
    for arm in order:
        cells = []
        for figure in FIGURES:
            values = by_table(found, figure)[arm].dropna()
            mean, error, _ = mean_and_error(values, families)
            wins, losses = int((values > TIE).sum()), int((values < -TIE).sum())
            cells.append(f"{mean:+.3f} ± {error:.3f} ({wins}/{len(values) - wins - losses}/{losses})")
        cost = found[found["arm"] == arm].groupby("set")["made"].mean().mean()
        lines.append(f"| {_written(arm)} | {len(values)} | " + " | ".join(cells) + f" | {cost:.2f} |")
    return lines


def gains(found: pd.DataFrame, families: Mapping[str, str]) -> list[str]:
    """What clearly gains for whom: a line for each model, the largest gain first."""
    lines = ["| model | " + " | ".join(AIMS.values()) + " |", "|---|" + "---|" * len(AIMS)]
    for model in MODELS:
        cells = []
        for figure in AIMS:
            values = by_table(found[found["model"] == model], figure)
            means = {arm: mean_and_error(values[arm], families)[:2] for arm in values}
            clear = {arm: mean for arm, (mean, error) in means.items() if mean > CLEAR * error}
            ordered = sorted(clear, key=lambda arm: -clear[arm])
            cells.append(", ".join(f"{_written(arm)} {clear[arm]:+.3f}" for arm in ordered) or "nothing")
        lines.append(f"| **{model}** | " + " | ".join(cells) + " |")
    return lines


def overview(found: pd.DataFrame, families: Mapping[str, str]) -> list[str]:
    """A table for each aim: ways by models, the best on average over models first."""
    lines = []
    for figure, aim in AIMS.items():
        values = {model: by_table(found[found["model"] == model], figure) for model in MODELS}
        order = pd.concat(list(values.values())).mean().sort_values(ascending=False).index
        lines += ["", f"| {aim} | tables | " + " | ".join(MODELS) + " |", "|---|---|" + "---|" * len(MODELS)]
        for arm in order:
            if arm == "threshold" and figure != "balanced":
                continue  # it changes no other figure
            cells = [_cell(of_model.get(arm, pd.Series(dtype=float)), families) for of_model in values.values()]
            num_tables = found[found["arm"] == arm]["set"].nunique()
            lines.append(f"| {_written(arm)} | {num_tables} | " + " | ".join(cells) + " |")
    return lines


def _cell(values: pd.Series, families: Mapping[str, str]) -> str:
    mean, error, num_families = mean_and_error(values, families)
    if not num_families:
        return ""
    return f"{mean:+.3f} ± {error:.3f}" + (" ▲" if mean > CLEAR * error else " ▼" if mean < -CLEAR * error else "")


def _written(arm: str) -> str:
    return f"**{arm}**" if arm in OURS else arm


def ranks(found: pd.DataFrame, figure: str) -> tuple[pd.Series, float, int]:
    """Mean rank of each way, 1 the best, real rows alone among them; the critical difference; how many tables."""
    values = by_table(found, figure)
    values = values.loc[:, values.ne(0).any()].assign(none=0.0)  # a moved threshold changes one figure
    widely = values.columns[values.notna().mean() > 0.9]
    values = values[widely].dropna()
    mean = values.rank(axis=1, ascending=False).mean().sort_values()
    num_ways, num_tables = len(mean), len(values)
    reach = stats.studentized_range.ppf(0.95, num_ways, np.inf) / np.sqrt(2)
    return mean, float(reach * np.sqrt(num_ways * (num_ways + 1) / (6 * num_tables))), num_tables


def picture(pictured: Sequence[tuple[str, pd.Series, float]]) -> str:
    """Mean ranks on a line for each title; a bar as long as the critical difference begins at the best."""
    width, left, right, row = 960, 40, 40, 24
    parts, top = [], 0
    for title, mean, critical in pictured:
        most = len(mean)

        def place(rank: float, most: int = most) -> float:
            return left + (rank - 1) / (most - 1) * (width - left - right)

        half = (most + 1) // 2
        height = 90 + row * half
        axis = top + 60
        parts.append(f'<text x="{left}" y="{top + 20}" class="title">{title}</text>')
        parts.append(f'<path d="M{left} {axis}H{width - right}" class="axis"/>')
        for rank in range(1, most + 1):
            parts.append(f'<path d="M{place(rank):.1f} {axis}v-5" class="axis"/>')
            parts.append(f'<text x="{place(rank):.1f}" y="{axis - 9}" class="tick">{rank}</text>')
        best = float(mean.iloc[0])
        parts.append(f'<path d="M{place(best):.1f} {axis - 28}H{place(best + critical):.1f}" class="critical"/>')
        parts.append(
            f'<text x="{place(best + critical) + 6:.1f}" y="{axis - 24}">no clear difference to the best</text>'
        )
        for number, (name, rank) in enumerate(mean.items()):
            first = number < half
            y = axis + 22 + row * (number if first else most - 1 - number)
            x = left if first else width - right
            parts.append(f'<path d="M{place(rank):.1f} {axis}V{y}H{x}" class="line"/>')
            css = "ours" if name in OURS else "other"
            anchor = "start" if first else "end"
            parts.append(f'<text x="{x}" y="{y - 5}" class="{css}" text-anchor="{anchor}">{name} {rank:.1f}</text>')
        top += height
    style = (
        "text{font:13px sans-serif;fill:#222}.title{font-weight:bold}.tick{text-anchor:middle;font-size:11px}"
        ".axis{stroke:#222;fill:none}.line{stroke:#999;fill:none}.critical{stroke:#b3261e;stroke-width:3}"
        ".ours{font-weight:bold;fill:#0b57d0}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}">'
    return f'{head}<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'


def section(ways: Sequence[str], title: str, found: pd.DataFrame, families: Mapping[str, str]) -> list[str]:
    """Ways that have fewer tables, beside all others on the same tables and cuts."""
    theirs = found[found["arm"].isin(ways)]
    if theirs.empty:
        return ["", f"## {title}", "", f"Not measured yet: {', '.join(ways)}."]
    places = pd.MultiIndex.from_frame(theirs[["set", "cut"]].drop_duplicates())
    same = found[pd.MultiIndex.from_frame(found[["set", "cut"]]).isin(places)]
    others = set(same["arm"]).difference(*FEWER)
    same = same[same["arm"].isin({*ways, *others})]
    names = list(dict.fromkeys(same["set"]))
    text = [
        "",
        f"## {title}",
        "",
        f"{len(names)} tables of {len({families[name] for name in names})} families, {len(places)} cuts; all ways on "
        "the same ones. A way that made no rows of a table has fewer.",
        *overview(same, families),
        "",
        "| way | CPU-s a table |",
        "|---|---|",
    ]
    costs = same[same["model"] == MODELS[0]].groupby("arm")["made"].mean().sort_values()
    return text + [f"| {_written(arm)} | {cost:.1f} |" for arm, cost in costs.items() if cost > 0]


def write_page(path: Path, sets: Mapping[str, Mapping[str, Any]]) -> None:
    """bench/results/league.md and league.svg."""
    scores = pd.read_parquet(path)
    tables_of = scores.groupby("arm")["set"].nunique()
    everything = differences(scores)
    found = everything[everything["arm"].map(tables_of).fillna(MIN_TABLES) >= MIN_TABLES]
    families = {name: about["family"] for name, about in sets.items()}
    measured = sorted(scores.loc[scores["arm"] == "none", "set"].unique())
    text = [
        "# The league: ways to more rows, over public tables",
        "",
        "Made by `bench/league.py`; its docstring explains the ways, models and figures.",
        "",
        f"{len(measured)} tables of {len({families[name] for name in measured})} families, "
        f"up to {scores['cut'].nunique()} cuts each. Figures are mean differences to real rows alone, over families, "
        "with the standard error over families; in brackets the tables that gained, did not change by more than 0.001, "
        "and lost. Positive is better, also for log loss. Ways of this project are in bold. CPU-s are what a way costs "
        "on a table, on average.",
        "",
        "`threshold` is real rows alone with the decision moved to the prior; `smaller model` is real rows alone with "
        "6 leaves, 5 rows a leaf and a learning rate of 0.05 instead of the defaults.",
        "",
        f"What gained by more than {CLEAR:.0f} standard errors, the largest gain first. By chance alone about one in "
        "forty ways would.",
        "",
        *gains(found, families),
        "",
        "## Each way for each model",
        "",
        f"▲ gained, ▼ lost by more than {CLEAR:.0f} standard errors.",
        *overview(found, families),
        "",
        "## Ranks",
        "",
        "The bar is the critical difference (Nemenyi, 5 %): a way beside it ranks worse than the best.",
        "",
        "![Mean ranks, with the critical difference](league.svg)",
    ]
    pictured = []
    for model in MODELS:
        of_model = found[found["model"] == model]
        text += ["", f"## {model.capitalize()}", "", *table(of_model, families)]
        for figure in ("precision", "balanced"):
            mean, critical, num_tables = ranks(of_model, figure)
            pictured.append((f"{model}: {FIGURES[figure][0]}, mean rank over {num_tables} tables", mean, critical))
    for ways, title in FEWER.items():
        text += section(ways, title, everything, families)
    path.with_suffix(".md").write_text("\n".join(text) + "\n", encoding="utf-8")
    path.with_suffix(".svg").write_text(picture(pictured), encoding="utf-8")
