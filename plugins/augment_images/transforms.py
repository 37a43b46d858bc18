"""Albumentations' transforms as people write them in a pipeline, checked, and made into a function of one image.

A list is the short form, `- Affine: {rotate: [-15, 15]}`; a mapping is albumentations' own serialised form
(`albumentations.to_dict`), which can also hold compositions such as OneOf.

Shapes: N rows, H height, W width, C channels.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, ValidationError

from augment.data import Dataset, as_labels
from augment.errors import DataError, Problem, SpecError, did_you_mean

# Label-preserving for most things that a camera sees; in trials on digits it helped more than anything fancier.
GENTLE_AFFINE: Mapping[str, Any] = {
    "rotate": [-15, 15],
    "scale": [0.85, 1.15],
    "translate_percent": [-0.1, 0.1],
    "shear": [-10, 10],
    "p": 1.0,
}
NUM_TRIALS = 16  # images that each pipeline is tried on before it is used: a turn by 90 degrees shows only at times
NAME = "__class_fullname__"  # in the serialised form
COMPOSITIONS = ("Compose", "OneOf", "OneOrOther", "RandomOrder", "Sequential", "SomeOf")
BOXES = ("bbox_params", "keypoint_params", "additional_targets")


def _one_name_each(transforms: Any) -> Any:
    if isinstance(transforms, Mapping):
        if not isinstance(transforms.get("transform"), Mapping):
            raise ValueError(
                "a mapping is taken for albumentations' serialised form, `{transform: {__class_fullname__: ...}}`, "
                "and has no `transform`; a list of transforms starts each line with `- `"
            )
        return transforms
    for position, transform in enumerate(transforms):
        if isinstance(transform, Mapping) and len(transform) != 1:
            raise ValueError(
                f"transform {position} has {len(transform)} names ({', '.join(transform) or 'none'}); write each as "
                "an item of its own, such as `- Affine: {rotate: [-15, 15]}`"
            )
    return transforms


ShortForm = Annotated[list[str | dict[str, dict[str, Any] | None]], Field(min_length=1)]
Transforms = Annotated[ShortForm | dict[str, Any], AfterValidator(_one_name_each)]


def starting_rows(train: Dataset, given: pd.DataFrame, draws: np.ndarray, who: str) -> np.ndarray:
    """The training row that each synthetic row starts from: integers (N,), from draws (N,) in [0, 1)."""
    if not len(given.columns):
        return (draws * len(train)).astype(np.int64)
    (target,) = given.columns
    labels = as_labels(train.frame[target])
    asked = as_labels(given[target])
    rows = np.empty(len(given), dtype=np.int64)
    for label in pd.unique(asked):
        members = np.flatnonzero(labels == label)
        if not len(members):
            raise DataError(
                f"{who}: class {label!r} of {target!r} has no training rows to start from; leave it out of "
                "`mix: rows`, or ask a generator that starts from noise"
            )
        wanted = asked == label
        rows[wanted] = members[(draws[wanted] * len(members)).astype(np.int64)]
    return rows


def compose(transforms: Transforms, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """The transforms as a function of one image (H, W, C) uint8, which draws from a stream of its own."""
    library = _library()
    pipeline = library.Compose(_built(library, transforms), seed=seed, strict=True)

    def apply(image_HWC: np.ndarray) -> np.ndarray:
        moved: np.ndarray = pipeline(image=image_HWC)["image"]
        moved = moved if moved.ndim == 3 else moved[:, :, np.newaxis]
        if moved.shape != image_HWC.shape:
            raise _wrong_shape(moved.shape, image_HWC.shape, "transforms")
        return moved

    return apply


def try_out(transforms: Transforms, images_NHWC: np.ndarray) -> None:
    """Run every transform, whatever its probability, over a few images, and see what comes out.

    Raises:
        SpecError: one fails, or the images that come out have another shape or type; names it.
    """
    library = _library()
    built = _built(library, transforms)
    for seed, transform in enumerate(built):
        transform.p = 1.0
        transform.set_random_seed(seed)
    for trial in range(NUM_TRIALS):
        image = before = np.array(images_NHWC[trial % len(images_NHWC)])
        changed = ""
        for position, transform in enumerate(built):
            where, name = f"transforms.{position}", type(transform).__name__
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


def _library() -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would look for a newer version over the network
    import albumentations

    return albumentations


def _built(library: Any, transforms: Transforms) -> list[Any]:
    """The transforms in order, each a top-level step."""
    if isinstance(transforms, Mapping):
        return [_deserialized(library, "transforms.transform", transforms["transform"])]
    pairs = [next(iter(item.items())) if isinstance(item, Mapping) else (item, None) for item in transforms]
    return [_one(library, f"transforms.{i}", name, arguments or {}) for i, (name, arguments) in enumerate(pairs)]


def _deserialized(library: Any, where: str, node: Any) -> Any:
    """A transform or a composition from albumentations' serialised form; nothing but those is ever made."""
    if not isinstance(node, Mapping) or not isinstance(node.get(NAME), str):
        raise SpecError(Problem(f"came {node!r:.60}; a mapping with {NAME} was expected", where))
    name = node[NAME].rpartition(".")[2]
    arguments = {key: value for key, value in node.items() if key != NAME}
    if name not in COMPOSITIONS:
        return _one(library, where, name, arguments)
    if asked := [key for key in BOXES if arguments.pop(key, None)]:
        message = f"{asked[0]}: boxes, key points and masks are not augmented, only images; leave it out"
        raise SpecError(Problem(message, where))
    parts = [
        _deserialized(library, f"{where}.transforms.{i}", n) for i, n in enumerate(arguments.pop("transforms", []))
    ]
    try:
        return getattr(library, name)(transforms=parts, **arguments)
    except (ValueError, TypeError, AssertionError) as error:
        raise SpecError(Problem(_reason(error), where)) from error


def _one(library: Any, where: str, name: str, arguments: Mapping[str, Any]) -> Any:
    """One transform, or a SpecError that says what is wrong with its name or arguments."""
    usable = _usable(library)
    if name not in usable:
        if inspect.isclass(offered := getattr(library, name, None)) and issubclass(
            offered, (library.BasicTransform, library.BaseCompose)
        ):
            message = (
                f"{name!r} cannot be used here: volumes, tensors and functions are not taken, and compositions only in "
                "albumentations' serialised form"
            )
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


def _failure(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it needs {error} beside the image, which a dataset does not hold"
    return " ".join(str(error).split()) or type(error).__name__


def _wrong_shape(shape: tuple[int, ...], wanted: tuple[int, ...], who: str) -> SpecError:
    message = (
        f"{who} changed images from {_times(wanted)} to {_times(shape)} pixels (height x width x channels); use one "
        f"that keeps the size, or end with `- Resize: {{height: {wanted[0]}, width: {wanted[1]}, p: 1.0}}`"
    )
    return SpecError(Problem(message, "transforms"))


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
