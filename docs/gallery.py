"""Makes docs/gallery.md and its pictures: runs pipelines/*.yaml and cuts parts out of their reports.

python docs/gallery.py               run the pipelines, make all
python docs/gallery.py --redraw      take the runs as they are
python docs/gallery.py NAME ...      only the pictures of these pipelines

The pictures of tutorials are made likewise from the runs of their pages; their names begin with `tutorial-`.

The runs go to build/gallery and take minutes; what has not changed is not run again. The pictures need
chromium. Each is made four times: for a desk and a phone, on a light and a dark page.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tutorials
from PIL import Image, ImageChops, ImageColor

import augment

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
RUNS = ROOT / "build" / "gallery"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
SCREENS = {"": (800, 1.5), "-phone": (360, 2)}  # width in CSS pixels, pixels for each of them
COLOURS = {"": "#ffffff", "-dark": "#1e2129"}  # of the pages around the pictures
HEIGHT = 2400  # more than any picture needs; what is empty is cut off
SHADES = 48  # enough for a few hues with their soft edges

FRAME = """
body { padding: .5rem; max-width: none; }
section { margin: 0; padding: 0; border: 0; }
h1 { font-size: 1.35rem; }
.term { text-decoration: none; }
.badge { margin-top: .7rem; }
details:not([open]) { display: none; }
"""
PARTS = {  # what of a report is hidden
    "verdict": """
.eyebrow, .lead, main > :not(.forest), .forest figcaption { display: none }
.forest th, .forest td { padding-right: .6rem; }
@media (min-width: 41rem) { .forest .wide { width: 36%; } }
""",
    "samples": """
header, main > :not(#samples), #samples > h2, #samples > p { display: none }
.samples tbody tr:nth-child(n+4), .samples li:nth-child(n+4) { display: none }
.samples tr:last-child > *, .samples tr:nth-child(3) > * { border-bottom: 0; }
.samples li { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; }
.samples { margin: 0; }
.samples audio { display: none }
.sounds .channel { grid-column: 1; justify-self: start }
""",
    "rows": """
header, main > :not(#samples), #samples > h2, #samples > p { display: none }
.scroll { margin: 0; overflow: hidden; }
.values tr > :nth-child(n+7) { display: none }
@media (max-width: 40rem) { .values tr > :nth-child(n+4) { display: none } }
""",
    "columns": """
header, main > :not(#details), #details > h2, .part:not(:has(#columns)), .part > summary { display: none }
.part, #columns { padding: 0; border: 0; }
#columns > p, #columns > details, .cards > li:nth-child(n+5) { display: none }
""",
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A pipeline of pipelines/, with what the page says before its pictures."""

    name: str
    title: str
    text: str
    parts: tuple[str, ...]


EXAMPLES = (
    Example(
        "few-digits",
        "Images",
        "Nine images of each handwritten digit. `warp` learns how one digit bends into another of its kind, and bends "
        "them into 2,000 more. See [images](how-to/images.md).",
        ("samples", "verdict"),
    ),
    Example(
        "mirrored-digits",
        "Images: an edit that does not fit",
        "The same digits, mirrored and put upside down by `albumentations`. A mirrored 2 is no 2, and the verdict says "
        "so. Look at what the edits of a library do to your images before you train on them.",
        ("samples", "verdict"),
    ),
    Example(
        "cancer",
        "Tables",
        "Breast tumours with thirty measurements each; few are malignant. `smote` makes rows between rare ones, "
        "`bootstrap` repeats them for comparison. See [choose a table generator](how-to/choose-a-table-generator.md).",
        ("rows", "columns", "verdict"),
    ),
    Example(
        "series",
        "Time series",
        "Three simulated shapes, one of them rare. `rnn` makes new series, `series-edits` changes real ones, and "
        "`bootstrap` repeats them for comparison. See [time series](how-to/time-series.md).",
        ("samples", "verdict"),
    ),
    Example(
        "sounds",
        "Recordings",
        "Calls of invented birds, made by code. `audio-edits` changes their pitch and pace, and other birds judge what "
        "that is worth. In the report, each can be played. See [recordings](how-to/sound.md).",
        ("samples", "verdict"),
    ),
    Example(
        "sentences",
        "Texts",
        "First lines of docstrings, few of them from scipy. `text-edits` changes words of real texts, `rnn` spells out "
        "new ones, letter by letter. See [texts](how-to/texts.md).",
        ("samples", "verdict"),
    ),
    Example(
        "histories",
        "Event histories",
        "What simulated readers have read, in order. `anchored` continues real histories, `history-edits` makes small "
        "changes to them, `rnn` makes new readers. See [histories](how-to/histories.md).",
        ("samples", "verdict"),
    ),
)
TUTORIALS = {"images": "few-images", "time-series": "pulse"}  # page to the run in it whose samples it shows
INTRODUCTION = """<!-- Made by docs/gallery.py from runs of pipelines/*.yaml: change it there. -->

# Gallery

Parts of reports, shortened. In plots, real rows are blue and synthetic ones orange. Samples are the first rows, not the
best ones. The pipelines come with the repository, and the same seed gives the same verdict.
"""
SHOWN = {
    "samples": "samples of real and synthetic rows",
    "rows": "real and synthetic rows as a table",
    "columns": "columns, real against synthetic",
    "verdict": "the verdict: a line with its interval for each way to train",
}


def page() -> str:
    """The text of the gallery."""
    parts = [INTRODUCTION]
    for example in EXAMPLES:
        parts.append(f"## {example.title}\n\n{example.text}\n")
        for part in example.parts:
            if part == "verdict":
                sentence = augment.load(RUNS / example.name).metrics.trial.sentence
                parts.append(f"```sh\naugment run pipelines/{example.name}.yaml\n```\n\n{sentence}\n")
            parts.append(picture(f"{example.name}-{part}", f"{example.name}: {SHOWN[part]}", "gallery"))
    return "\n".join(parts)


def picture(name: str, alt: str, folder: str) -> str:
    """HTML that takes the picture for the reader's screen and theme."""
    dark, narrow = "(prefers-color-scheme: dark)", "(max-width: 640px)"
    media = {"-phone-dark": f"{narrow} and {dark}", "-phone": narrow, "-dark": dark}
    sources = [f'<source media="{query}" srcset="{folder}/{name}{which}.webp">' for which, query in media.items()]
    return "\n".join(
        ["<picture>", *sources, f'<img src="{folder}/{name}.webp" alt="{html.escape(alt)}">', "</picture>\n"]
    )


def draw(report: str, part: str, path: Path, screen: str, theme: str) -> None:
    """Cut a part out of a report, as a picture of one width and theme."""
    report = re.sub(
        r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report
    )  # it allows the report's style only
    report = report.replace("(prefers-color-scheme: dark)", "all" if theme else "not all")
    report = report.replace('<details class="part">', '<details class="part" open>')
    style = f":root {{ --page: {COLOURS[theme]}; }}\n{FRAME}{PARTS[part]}"
    width, scale = SCREENS[screen]
    with tempfile.TemporaryDirectory() as folder:
        cut, shot = Path(folder) / "cut.html", Path(folder) / "shot.png"
        cut.write_text(report.replace("</head>", f"<style>{style}</style></head>"), encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={shot}"]
        options += [f"--user-data-dir={folder}/profile", f"--window-size={width},{HEIGHT}"]
        options += [f"--force-device-scale-factor={scale}"]
        subprocess.run([str(BROWSER), *options, cut.as_uri()], check=True, capture_output=True)
        with Image.open(shot) as image:
            drawn = image.convert("RGB")
    empty = Image.new("RGB", drawn.size, COLOURS[theme])
    bottom = ImageChops.difference(drawn, empty).getbbox()[3]  # type: ignore[index]
    drawn = drawn.crop((0, 0, drawn.width, min(bottom + 16, drawn.height)))
    few = drawn.quantize(SHADES, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    shades, page_shade = few.getpalette(), few.getpixel((0, 0))
    shades[3 * page_shade : 3 * page_shade + 3] = ImageColor.getrgb(COLOURS[theme])  # else it may be one off
    few.putpalette(shades)
    few.convert("RGB").save(path, lossless=True, quality=80, method=4)


def draw_all(run: Path, part: str, name: str) -> None:
    """Cut a part out of a run's report, for every width and theme."""
    report = (run / "report.html").read_text(encoding="utf-8")
    for screen in SCREENS:
        for theme in COLOURS:
            draw(report, part, PICTURES / f"{name}{screen}{theme}.webp", screen, theme)


def main(*words: str) -> None:
    wanted = [word for word in words if word != "--redraw"]
    if BROWSER is None:
        sys.exit("chromium was not found: install it to make the pictures")
    PICTURES.mkdir(exist_ok=True)
    for example in EXAMPLES:
        if wanted and example.name not in wanted:
            continue
        if "--redraw" not in words:
            augment.run(ROOT / "pipelines" / f"{example.name}.yaml", out=RUNS / example.name, overwrite=True)
        for part in example.parts:
            draw_all(RUNS / example.name, part, f"{example.name}-{part}")
    for name, run in TUTORIALS.items():
        folder = RUNS / f"tutorial-{name}"
        if wanted and folder.name not in wanted:
            continue
        if "--redraw" not in words:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            tutorials.run(name, folder)
        draw_all(folder / "runs" / run, "samples", f"{folder.name}-samples")
    PAGE.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
