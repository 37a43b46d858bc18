"""The generator `albumentations`: training images, moved by classical augmentation.

Shapes: N rows, H height, W width, C channels.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, ValidationError

from augment import components
from augment.components import Accepts, Context, Generator
from augment.dataset import Dataset
from augment.errors import DataError, Problem, SpecError, did_you_mean
from augment.schema import labels_of
from augment.state import write_state

# Label-preserving for most things that a camera sees; in trials on digits it helped more than anything fancier.
GENTLE_AFFINE: Mapping[str, Any] = {
    "rotate": [-15, 15],
    "scale": [0.85, 1.15],
    "translate_percent": [-0.1, 0.1],
    "shear": [-10, 10],
    "p": 1.0,
}
NUM_TRIALS = 16  # images that each pipeline is tried on before it is used: a turn by 90 degrees shows only at times


def _one_name_each(transforms: list[Any]) -> list[Any]:
    for position, transform in enumerate(transforms):
        if isinstance(transform, Mapping) and len(transform) != 1:
            raise ValueError(
                f"transform {position} has {len(transform)} names ({', '.join(transform) or 'none'}); write each as "
                "an item of its own, such as `- Affine: {rotate: [-15, 15]}`"
            )
    return transforms


class Albumentations(Generator):
    """Training images moved, turned or recoloured by transforms of albumentations 2.

    Each synthetic row is a training row of the asked class (any row, where no class is asked), drawn with
    replacement, whose image went through `transforms` in their order; its other columns are kept. Only transforms that
    look at nothing but the image are taken, and the last must give back the size that images have.

    Buslaev et al., "Albumentations: fast and flexible image augmentations", Information 11(2), 2020.
    """

    name = "albumentations"
    origin = "rows"
    accepts = Accepts(modalities=frozenset({"image"}), conditional="target")

    class Params(components.Params):
        """Settings of the generator `albumentations`."""

        transforms: Annotated[
            list[str | dict[str, dict[str, Any] | None]], Field(min_length=1), AfterValidator(_one_name_each)
        ] = [{"Affine": dict(GENTLE_AFFINE)}]
        """Transforms by their names in albumentations, in order: `- HorizontalFlip`, or with arguments
        `- Affine: {rotate: [-15, 15], p: 1.0}`. `p` is the probability of each to happen; albumentations takes 0.5
        where it is left out."""

    def fit(self, data: Dataset, context: Context) -> Self:
        """Check the transforms against the training images; nothing is learnt."""
        images_NHWC = data.arrays[data.schema.array_of("image")]
        if not len(images_NHWC):
            raise DataError("albumentations: there are no training rows to start from")
        _try(self._named_arguments(), images_NHWC)
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        train = context.train
        assert train is not None, "the host lends the training part to generators that start from rows"
        seed = int(context.rng.integers(2**31))
        # one number a row, drawn in order, and one stream of transform draws, used in order: so the first k rows are
        # the same however many follow
        rows = _rows(train, given, context.rng.random(len(given)))
        picked = train.take(rows)
        array = train.schema.array_of("image")
        compose = _compose(self._named_arguments(), seed)
        images = np.empty_like(picked.arrays[array])
        for row, image in enumerate(picked.arrays[array]):
            moved = compose(image)
            if moved.shape != image.shape:
                raise _wrong_shape(moved.shape, image.shape, "transforms")
            images[row] = moved
        frame = picked.frame.assign(**{name: given[name].to_numpy() for name in given.columns})
        return Dataset.of(frame, {**picked.arrays, array: images}, train.schema)

    def save(self, folder: Path) -> None:
        write_state(folder, {}, {})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        return cls(params)

    def _named_arguments(self) -> list[tuple[str, dict[str, Any]]]:
        """(name, arguments) of each transform."""
        pairs = []
        for transform in self.params.transforms:
            ((name, arguments),) = [(transform, None)] if isinstance(transform, str) else transform.items()
            pairs.append((name, dict(arguments or {})))
        return pairs


def _rows(train: Dataset, given: pd.DataFrame, draws: np.ndarray) -> np.ndarray:
    """The training row that each synthetic row starts from: integers (N,), from draws (N,) in [0, 1)."""
    if not len(given.columns):
        return (draws * len(train)).astype(np.int64)
    (target,) = given.columns
    labels = labels_of(train.frame[target])
    asked = labels_of(given[target])
    rows = np.empty(len(given), dtype=np.int64)
    for label in pd.unique(asked):
        members = np.flatnonzero(labels == label)
        if not len(members):
            raise DataError(
                f"albumentations: class {label!r} of {target!r} has no training rows to start from; leave it out of "
                "`mix: rows`, or ask a generator that starts from noise"
            )
        wanted = asked == label
        rows[wanted] = members[(draws[wanted] * len(members)).astype(np.int64)]
    return rows


def _compose(named: list[tuple[str, dict[str, Any]]], seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """The transforms as a function of one image (H, W, C) uint8, which draws from a stream of its own."""
    library = _library()
    made = [_made(library, position, name, arguments) for position, (name, arguments) in enumerate(named)]
    pipeline = library.Compose(made, seed=seed, strict=True)

    def apply(image_HWC: np.ndarray) -> np.ndarray:
        moved: np.ndarray = pipeline(image=image_HWC)["image"]
        return moved if moved.ndim == 3 else moved[:, :, np.newaxis]

    return apply


def _library() -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would look for a newer version over the network
    import albumentations

    return albumentations


def _made(library: Any, position: int, name: str, arguments: dict[str, Any]) -> Any:
    """One transform, or a SpecError that says what is wrong with its name or arguments."""
    where = f"transforms.{position}"
    usable = _usable(library)
    if name not in usable:
        if inspect.isclass(offered := getattr(library, name, None)) and issubclass(
            offered, (library.BasicTransform, library.BaseCompose)
        ):
            message = f"{name!r} cannot be used: compositions, volumes, tensors and functions are not taken"
        else:
            message = f"albumentations has no transform {name!r}{did_you_mean(name, usable)}"
        raise SpecError(Problem(message, where))
    cls = usable[name]
    known = [argument for argument in inspect.signature(cls).parameters if argument not in ("always_apply", "strict")]
    for argument in arguments:
        if argument not in known:
            message = f"{name} has no argument {argument!r}{did_you_mean(argument, known)}; it takes {', '.join(known)}"
            raise SpecError(Problem(message, f"{where}.{name}"))
    try:
        transform = cls(**arguments)  # `strict` is no help: not all take it, and the names are checked above
    except (ValueError, TypeError) as error:
        raise SpecError(Problem(_reason(error), f"{where}.{name}")) from error
    if transform.targets_as_params:
        needs = ", ".join(transform.targets_as_params)
        raise SpecError(Problem(f"{name} needs {needs} beside the image, which a dataset does not hold", where))
    return transform


def _usable(library: Any) -> dict[str, Any]:
    bases = (library.DualTransform, library.ImageOnlyTransform)
    return {
        name: cls
        for name, cls in vars(library).items()
        if inspect.isclass(cls)
        and issubclass(cls, bases)
        and cls not in bases
        and not issubclass(cls, library.Transform3D)
        and name != "Lambda"  # takes functions
    }


def _reason(error: Exception) -> str:
    """A pydantic error in one line: each argument once, with the first thing said of it."""
    cause = error.__cause__  # albumentations wraps pydantic's error in another, as text of several lines
    if not isinstance(cause, ValidationError):
        return " ".join(str(error).split())
    said: dict[str, str] = {}
    for problem in cause.errors():
        said.setdefault(str(problem["loc"][0]) if problem["loc"] else "", problem["msg"])
    return "; ".join(f"{argument}: {message}" if argument else message for argument, message in said.items())


def _try(named: list[tuple[str, dict[str, Any]]], images_NHWC: np.ndarray) -> None:
    """Run every transform, whatever its probability, over a few images, and see what comes out.

    Raises:
        SpecError: one fails, or the images that come out have another shape or type; names it.
    """
    library = _library()
    made = [_made(library, position, name, arguments) for position, (name, arguments) in enumerate(named)]
    for seed, transform in enumerate(made):
        transform.p = 1.0
        transform.set_random_seed(seed)
    for trial in range(NUM_TRIALS):
        image = before = np.array(images_NHWC[trial % len(images_NHWC)])
        changed = ""
        for position, (transform, (name, _)) in enumerate(zip(made, named, strict=True)):
            where = f"transforms.{position}"
            shape = image.shape
            try:
                image = transform(image=image)["image"]
            except Exception as error:  # each transform fails in its own way on images it is not made for
                message = f"{name} fails on images of {_times(shape)} pixels: {_failure(error)}"
                raise SpecError(Problem(message, where)) from error
            if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
                message = f"{name} gives {getattr(image, 'dtype', type(image))}; images must stay uint8, 0 to 255"
                raise SpecError(Problem(message, where))
            image = image if image.ndim == 3 else image[:, :, np.newaxis]
            if image.shape != shape:
                changed = name
        if image.shape != before.shape:
            raise _wrong_shape(image.shape, before.shape, changed)


def _failure(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it needs {error} beside the image, which a dataset does not hold"
    return " ".join(str(error).split()) or type(error).__name__


def _wrong_shape(found: tuple[int, ...], wanted: tuple[int, ...], who: str) -> SpecError:
    message = (
        f"{who} changed images from {_times(wanted)} to {_times(found)} pixels (height x width x channels); use one "
        f"that keeps the size, or end with `- Resize: {{height: {wanted[0]}, width: {wanted[1]}, p: 1.0}}`"
    )
    return SpecError(Problem(message, "transforms"))


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
