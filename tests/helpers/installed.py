"""Every component of every installed plugin, and settings with which it is quick to try."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from augment.plugin.catalog import Catalog
from augment.toolkit.audio.wav import encode_wav

CATALOG = Catalog()
REPORTS = CATALOG.reports()
COMPONENTS = sorted(
    {cls for report in REPORTS if report.components for cls in CATALOG.components(report.offer.name)},
    key=lambda cls: (cls.kind, cls.name, cls.__qualname__),
)

TABLE = pd.DataFrame({"height": [1.5, 2.5, None, 4.0] * 3, "visits": range(12), "label": ["a", "b", "a", "c"] * 3})


def _csv(folder):
    TABLE.to_csv(folder / "data.csv", index=False)
    return {"path": folder / "data.csv"}


def _json_lines(folder):
    TABLE.to_json(folder / "data.jsonl", orient="records", lines=True)
    return {"path": folder / "data.jsonl"}


def _parquet(folder):
    TABLE.to_parquet(folder / "data.parquet", index=False)
    return {"path": folder / "data.parquet"}


def _arrow(folder):
    TABLE.to_feather(folder / "data.feather")
    return {"path": folder / "data.feather"}


def _json(folder):
    TABLE.to_json(folder / "data.json", orient="records")
    return {"path": folder / "data.json"}


def _sql(folder):
    with closing(sqlite3.connect(folder / "data.db")) as connection:
        TABLE.to_sql("rows", connection, index=False, if_exists="replace")
        connection.commit()
    return {"path": folder / "data.db", "table": "rows"}


def _excel(folder):
    TABLE.to_excel(folder / "data.xlsx", index=False)
    return {"path": folder / "data.xlsx"}


def _npz(folder):
    images = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8, 1)
    np.savez(folder / "data.npz", image=images, label=np.array(["a", "b", "a", "b"]))
    return {"path": folder / "data.npz"}


def _images(folder):
    for position, label in enumerate(["a", "b", "a", "b"]):
        place = folder / "images" / label
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 40 * position, dtype=np.uint8)).save(place / f"{position}.png")
    return {"path": folder / "images"}


def _recordings(folder):
    for position, label in enumerate(["a", "b", "a", "b"]):
        place = folder / "recordings" / label
        place.mkdir(parents=True, exist_ok=True)
        samples = np.linspace(-0.5, 0.5, 400 + position)
        (place / f"{position}.wav").write_bytes(encode_wav(samples, 8000))
    return {"path": folder / "recordings"}


def _idx(folder):
    for name, shape in {"images-idx3": (4, 8, 8), "labels-idx1": (4,)}.items():
        header = struct.pack(f">2xBB{len(shape)}I", 8, len(shape), *shape)
        (folder / f"train-{name}-ubyte").write_bytes(header + np.arange(np.prod(shape), dtype=np.uint8).tobytes())
    return {"path": folder}


def _text(folder):
    (folder / "data.txt").write_text("good fine day\nbad poor night\n" * 4, encoding="utf-8")
    return {"path": folder / "data.txt", "by": "label-line"}


def _text_folder(folder):
    for label, text in (("good", "a fine day"), ("bad", "a poor night")):
        (folder / "texts" / label).mkdir(parents=True, exist_ok=True)
        for number in range(3):
            (folder / "texts" / label / f"{number}.txt").write_text(f"{text} {number}", encoding="utf-8")
    return {"path": folder / "texts"}


def _ts(folder):
    (folder / "data.ts").write_text("@classLabel true a b\n@data\n" + "1,2,3:4,5,?:a\n6,7:8,9:b\n" * 3)
    return {"path": folder / "data.ts"}


def _arff(folder):
    head = "@relation r\n@attribute t0 numeric\n@attribute t1 numeric\n@attribute class {a,b}\n@data\n"
    (folder / "data.arff").write_text(head + "1,2,a\n3,?,b\n" * 3)
    return {"path": folder / "data.arff"}


def _ucr(folder):
    (folder / "data.tsv").write_text("1\t0.5\t2\n2\t3\tNaN\n" * 3)
    return {"path": folder / "data.tsv"}


def _series_csv(folder):
    rows = [f"{who},{day},{who * day},{'ab'[who % 2]}" for who in range(6) for day in range(3 + who % 2)]
    (folder / "data.csv").write_text("\n".join(["who,day,x,label", *rows]) + "\n")
    return {"path": folder / "data.csv", "key": "who", "time": "day"}


def _histories(folder):
    lines = [f"{user},{item},{user + item},2024-01-0{item + 1}" for user in range(4) for item in range(user + 2)]
    (folder / "events.csv").write_text("user,item,rating,time\n" + "\n".join(lines), encoding="utf-8")
    return {"path": folder / "events.csv"}


# Settings that make a component quick enough to be checked, or that it cannot do without; by its class's name.
SETTINGS = {
    "ArrowSource": _arrow,
    "AudioFolderSource": _recordings,
    "CsvSource": _csv,
    "ExcelSource": _excel,
    "ImageFolderSource": _images,
    "IdxSource": _idx,
    "HistoriesSource": _histories,
    "JsonLinesSource": _json_lines,
    "JsonSource": _json,
    "NpzSource": _npz,
    "ParquetSource": _parquet,
    "Docstrings": {"packages": {"pluggy": 20, "iniconfig": 20}},
    "SqlSource": _sql,
    "TextFile": _text,
    "TextFolder": _text_folder,
    "TsSource": _ts,
    "ArffSource": _arff,
    "UcrSource": _ucr,
    "SeriesCsvSource": _series_csv,
    "SklearnDataset": {"dataset": "iris"},
    "Cnn": {"steps": 20},
    "Spectral": {"steps": 20, "networks": 1},
    "Estimator": {"factory": "model_of_mine:Both", "file": Path(__file__).parents[1] / "fakes" / "model_of_mine.py"},
    "ImageGan": {"steps": 4, "width": 8},
    "ImageVae": {"steps": 4},
    "FidelityAudio": {"steps": 5},
    "LabelAgreement": {"steps": 10},
    "NotACopy": {"steps": 10},
    "Plausible": {"steps": 10},
    "SeriesScores": {"steps": 3},
    "AnchoredImage": {"steps": 4},
    "Warp": {"num_pairs": 8},
    "TableGan": {"steps": 4, "autoencoder_steps": 4, "width": 16, "latent_dim": 4},
    "TableVae": {"steps": 4, "width": 16, "latent_dim": 4},
    "TableRnn": {"steps": 4, "batch_size": 16, "width": 8},
    "SeriesGan": {"steps": 4, "width": 8},
    "SeriesVae": {"steps": 4, "width": 8, "latent_dim": 4},
    "SeriesRnn": {"steps": 4, "batch_size": 4, "window": 16, "width": 16, "embedding": 8},
    "HistoryAnchored": {"steps": 4, "batch_size": 4, "window": 16, "width": 16, "embedding": 8},
    "HistoryRnn": {"steps": 4, "batch_size": 4, "window": 16, "width": 16, "embedding": 8},
    "TextAnchored": {"steps": 4, "batch_size": 8, "window": 16, "width": 16, "embedding": 8, "max_length": 16},
    "TextRnn": {"steps": 4, "batch_size": 8, "window": 16, "width": 16, "embedding": 8, "max_length": 16},
}
