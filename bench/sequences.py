"""Texts: how well and how quickly `rnn` learns and writes them, and whether what is written helps.

    AUGMENT_DATA=../shared/data python bench/sequences.py shakespeare speed sms trec --seeds 0 1 2 --spam 20 50 200

Everything is process CPU time on one thread. Data that is not there is skipped, and said so. Beside ours stand
textgenrnn's way of sampling (a window of 40 characters fed in again for each character, here as a loop over the same
network), plain oversampling, class weights, and EDA (`text-edits`). Where AUGMENT_TEXTS names a folder, what was
learnt and written is kept there, to be read.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, f1_score

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.plugin.context import Context
from augment.toolkit.conditions import Conditions
from augment.toolkit.sequences.network import SequenceNetwork, Shape
from augment.toolkit.sequences.sampling import draw
from augment.toolkit.sequences.training import Budget, Sequences, learn, mean_losses
from augment.toolkit.training import copy_weights, rebuild
from augment_rnn.text import TextAnchored, TextRnn
from augment_text.edits import TextEdits
from augment_text.probe import Tfidf

Kind = Literal["characters", "words", "bpe"] | None  # of tokens
DATA = Path(os.environ.get("AUGMENT_DATA", "../shared/data")) / "text"


def shakespeare(width: int = 256, steps: int = 9_000) -> None:
    text = (DATA / "tinyshakespeare.txt").read_text()
    token = {character: number for number, character in enumerate(sorted(set(text)), start=1)}
    tokens = np.array([token[character] for character in text], np.int32)
    cut = round(0.9 * len(tokens))
    shape = Shape((len(token) + 1,), 1, width=width, dropout=0.1)
    budget = Budget(steps, batch_size=16, window=64, learning_rate=4e-3, weight_decay=0.01)
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        context = Context(seed=1, folder=Path(folder))
        weights = learn(
            Sequences.of([tokens[:cut]]), np.zeros(1, np.int64), Conditions(None, ("",), (1,)), shape, budget, context
        )
    seconds = time.process_time() - started
    network = rebuild(lambda: SequenceNetwork(shape), weights, "cpu")
    rest = tokens[cut:, None].astype(np.int64)
    loss = float(mean_losses(network, rest, np.zeros(len(rest), np.int64), "cpu", window=8_192))
    print(f"tiny-shakespeare, GRU {width}, {steps} steps: {loss:.4f} nats a character after {seconds:.0f} CPU-s")


def speed(width: int = 512, length: int = 300) -> None:
    torch.manual_seed(0)
    shape = Shape((66,), 1, width=width)
    network = SequenceNetwork(shape).eval()
    weights = copy_weights(network)
    rates = []
    for seed in range(5):
        started = time.process_time()
        drawn = draw(shape, weights, np.zeros(256, np.int64), seed, max_length=length, min_length=length)
        rates.append(len(drawn.tokens) / (time.process_time() - started))
    print(f"cached state, GRU {width}, 256 side by side: {_spread(rates)} characters per CPU-s")
    for size in (1, 64, 256):
        rates = [_by_window(network, size, 20) for _ in range(3)]
        print(f"window of 40 fed in again, GRU {width}, {size} side by side: {_spread(rates)}")


@torch.inference_mode()
def _by_window(network: SequenceNetwork, size: int, num_characters: int, window: int = 40) -> float:
    """textgenrnn's way: each character begins from the last 40, without any state."""
    tokens = torch.randint(1, 66, (window, size, 1))
    started = time.process_time()
    for _ in range(num_characters):
        states, tables = torch.zeros(size, network.num_state), network.tables()
        for step in range(window):
            states, query = network.move(tables, states, tokens[step], torch.zeros(size, dtype=torch.int64))
        drawn = torch.multinomial(network.logits(0, query).softmax(1), 1)
        tokens = torch.cat([tokens[1:], drawn[None]])
    return size * num_characters / (time.process_time() - started)


def sms(seeds: Sequence[int], few: Sequence[int]) -> None:
    frame = pd.read_csv(DATA / "SMSSpamCollection.tsv", sep="\t", quoting=3, names=["label", "text"])
    frame = frame[frame.label.isin(["ham", "spam"])].drop_duplicates("text").reset_index(drop=True)
    for num_spam in few:
        scores: dict[str, list[float]] = {}
        for seed in seeds:
            order = np.random.default_rng(seed).permutation(len(frame))
            test, rest = frame.iloc[order[:1_500]], frame.iloc[order[1_500:]]
            spam = rest[rest.label == "spam"]
            train = pd.concat([rest[rest.label == "ham"], spam.iloc[:num_spam]])
            wanted = (train.label == "ham").sum() - num_spam
            _compare(scores, train, test, {"spam": wanted}, seed, lambda y, p: f1_score(y, p, pos_label="spam"), [None])
        _print(f"SMS, {num_spam} spam, F1", scores)


def trec(seeds: Sequence[int], num_rows: int = 500) -> None:
    train, test = (_label_lines(DATA / name) for name in ("TREC.train.all", "TREC.test.all"))
    scores: dict[str, list[float]] = {}
    for seed in seeds:
        part = train.sample(num_rows, random_state=seed)
        wanted = part.label.value_counts().to_dict()
        _compare(scores, part, test, wanted, seed, accuracy_score, ["characters", "words", "bpe"])
    _print(f"TREC, {num_rows} questions, accuracy", scores)


def _label_lines(path: Path) -> pd.DataFrame:
    lines = path.read_text(encoding="latin-1").splitlines()
    return pd.DataFrame([line.split(maxsplit=1) for line in lines if line.strip()], columns=["label", "text"])


def _compare(
    scores: dict[str, list[float]],
    train: pd.DataFrame,
    test: pd.DataFrame,
    wanted: dict[str, int],
    seed: int,
    score: Callable[[object, object], float],
    kinds: Sequence[Kind],
) -> None:
    """Adds the score of a probe trained on each way of having `wanted` more rows of these classes."""
    data = _dataset(train)
    given = pd.DataFrame({"label": np.repeat(list(wanted), list(wanted.values()))})
    given["label"] = given.label.astype(data.frame.label.dtype)
    counts = data.frame.label.value_counts()
    balanced = (len(data) / len(counts) / counts[data.frame.label]).to_numpy(dtype=float)
    rng = np.random.default_rng(seed)
    again = np.concatenate([rng.choice(np.flatnonzero(data.frame.label == name), n) for name, n in wanted.items()])
    ways: dict[str, tuple[Dataset, np.ndarray | None]] = {
        "real alone": (data, None),
        "class weights": (data, balanced),
        "oversampling": (Dataset.concat([data, data.take(again)]), None),
    }
    edits = TextEdits().fit(data, Context(seed=seed, folder=None))
    ways["text-edits"] = (_with_more(data, edits, given, seed), None)
    for kind in kinds:
        started = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            rnn = TextRnn(TextRnn.Params(tokens=kind)).fit(data, Context(seed=seed, folder=Path(folder)))
            rnn.save(Path(folder))
            anchored = TextAnchored.load(Path(folder), TextAnchored.Params(tokens=kind))  # learns the same
        print(f"  {len(data)} rows learnt, {kind or 'default'}: {time.process_time() - started:.0f} CPU-s", flush=True)
        for generator in (rnn, anchored):
            name = f"{generator.name}, {kind}" if kind else generator.name
            ways[name] = (_with_more(data, generator, given, seed), None)
    for name, (rows, weights) in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            probe = Tfidf().fit(rows, Context(seed=seed, folder=Path(folder)), weights)
        found = np.array(data.schema.classes)[probe.predict(_dataset(test)).argmax(1)]
        scores.setdefault(name, []).append(score(test.label, found))
    print("  seed", seed, {name: round(values[-1], 4) for name, values in scores.items()}, flush=True)


def _with_more(data: Dataset, fitted: TextRnn | TextEdits, given: pd.DataFrame, seed: int) -> Dataset:
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        made = fitted.sample(given, Context(seed=seed + 1, folder=Path(folder), train=data))
    how = f"{fitted.name}-{getattr(fitted.params, 'tokens', None) or 'default'}"
    print(f"  {len(made)} rows made, {how}: {time.process_time() - started:.0f} CPU-s", flush=True)
    if kept := os.environ.get("AUGMENT_TEXTS"):
        folder_of_texts = Path(kept) / f"{len(data)}-{how}-{seed}"
        folder_of_texts.mkdir(parents=True, exist_ok=True)
        fitted.save(folder_of_texts)
        made.frame.to_csv(folder_of_texts / "texts.csv", index=False)
    return Dataset.concat([data, made])


def _dataset(frame: pd.DataFrame) -> Dataset:
    frame = frame[["text", "label"]].reset_index(drop=True).astype({"text": "str", "label": "str"})
    schema = infer(frame, {}, SchemaDeclaration(target="label", payload="text"))
    schema, _ = observe(schema, frame)
    return Dataset.of(frame, {}, schema)


def _print(title: str, scores: dict[str, list[float]]) -> None:
    real = np.array(scores["real alone"])
    for name, values in scores.items():
        gains = np.array(values) - real
        gain = f"gain {gains.mean():+.3f} (sd {gains.std(ddof=len(gains) > 1):.3f})"
        print(f"{title}: {name}: {np.mean(values):.3f}, {gain}", flush=True)


def _spread(values: list[float]) -> str:
    return f"{np.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="+", choices=["shakespeare", "speed", "sms", "trec"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--spam", nargs="+", type=int, default=[20, 50, 200], help="numbers of spam messages, of `sms`")
    asked = parser.parse_args()
    for part in asked.parts:
        if part == "speed":
            speed()
        elif not DATA.is_dir():
            print(f"{part}: skipped, there is no {DATA}")
        elif part == "shakespeare":
            shakespeare()
        elif part == "sms":
            sms(asked.seeds, asked.spam)
        else:
            trec(asked.seeds)
