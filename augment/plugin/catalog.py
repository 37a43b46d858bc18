"""The catalog of installed components: their names, distributions and classes.

Names come from entry-point metadata, so listing them imports nothing, not even the contracts, and a pipeline imports
only the plugins that it uses. Only this module reads entry points.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import combinations
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

import pluggy

from augment.errors import PluginError, did_you_mean
from augment.plugin.importing import failure, import_here, in_time, try_elsewhere
from augment.plugin.kinds import KINDS, Kind

if TYPE_CHECKING:
    from augment.data import Modality
    from augment.plugin.contracts import Component

__all__ = ["API", "GROUP", "Catalog", "Offer", "PluginReport", "component_problem"]

logger = logging.getLogger("augment")

GROUP = "augment"
API = 1  # the number a plugin may state as `API` to say which contracts it was written against
OWN_DISTRIBUTION = "augment-pipeline"
DEFAULTS = {kind: f"{GROUP}.default.{kind}" for kind in KINDS}  # entry-point groups of those that say to be defaults
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Offer:
    """An entry point: its name, its module, and its distribution."""

    name: str
    module: str
    distribution: str
    version: str
    defaults: frozenset[str] = frozenset()  # the kinds of component of which it says to be a default

    def __str__(self) -> str:
        return f"{self.module} (from {self.distribution} {self.version})"


@dataclass(frozen=True)
class PluginReport:
    """The components of one entry point, or why it cannot be used."""

    offer: Offer
    components: tuple[tuple[str, str], ...]  # (kind, name)
    error: str = ""
    remedy: str = ""  # what to do, where that is known; the error ends with it


class Catalog:
    """All components of installed plugins.

    Args:
        offers: replaces the installed entry points, for tests.
    """

    def __init__(self, offers: Iterable[Offer] | None = None):
        self._offers: dict[str, list[Offer]] = {}
        for offer in sorted(offers if offers is not None else _installed(), key=lambda o: (o.name, o.distribution)):
            self._offers.setdefault(offer.name, []).append(offer)
        self._loaded: dict[str, tuple[type[Component], ...]] = {}
        self._managers: dict[str, pluggy.PluginManager] = {}
        self._problems: dict[str, PluginError | None] = {}  # of modules that a subprocess has imported

    @property
    def names(self) -> list[str]:
        """All names, sorted; nothing is imported."""
        return sorted(self._offers)

    @property
    def offers(self) -> list[Offer]:
        """All entry points, sorted by name; nothing is imported."""
        return [offer for name in self.names for offer in self._offers[name]]

    def offer(self, name: str) -> Offer:
        """The entry point of a name.

        Raises:
            PluginError: no or several distributions provide it, or its entry point is not a module.
        """
        offers = self._offers.get(name, [])
        if not offers:
            raise PluginError(
                f"no installed plugin offers {name!r}"
                f"{did_you_mean(name, self.names) or '; `augment plugins` lists what is installed'}"
            )
        if len(offers) > 1:
            owners = " and ".join(str(offer) for offer in offers)
            others = [offer.distribution for offer in offers if offer.distribution != OWN_DISTRIBUTION]
            which = others[0] if len(others) == 1 else "all of them but one"
            raise PluginError(f"the name {name!r} is offered twice, by {owners}", f"uninstall {which}")
        module, colon, _ = offers[0].module.partition(":")
        if colon:
            raise PluginError(f"plugin {offers[0]}: entry point {name!r} must name a module alone, such as {module!r}")
        return offers[0]

    def components(self, name: str) -> tuple[type[Component], ...]:
        """All classes with this name, of every kind. Imports only their plugin.

        Raises:
            PluginError: no or several distributions provide it, its import fails, or a component is invalid.
        """
        offer = self.offer(name)
        classes = tuple(cls for cls in self._load(offer) if cls.name == name)
        if not classes and self.only_observes(name):
            raise PluginError(f"{name!r} only observes runs; name it under `observers:`")
        if not classes:
            others = " and ".join(repr(other) for other in sorted({cls.name for cls in self._load(offer)}))
            why = f"; it has {others}" if others else "; it has none: augment_components lists them"
            raise PluginError(f"plugin {offer}: entry point {name!r} is declared, but no component has that name{why}")
        return classes

    def only_observes(self, name: str) -> bool:
        """Whether the plugin of this name was loaded, and has hooks for observers but no component of the name."""
        return any(
            self._observes(offer) and all(cls.name != name for cls in self._loaded[offer.module])
            for offer in self.offers
            if offer.name == name and offer.module in self._loaded
        )

    def candidates(self, kind: Kind, name: str) -> tuple[type[Component], ...]:
        """The classes of one kind with this name: several if there is one per kind of data.

        Raises:
            PluginError: as `components`, or the name belongs to another kind.
        """
        named = self.components(name)
        fitting = tuple(cls for cls in named if cls.kind == kind)
        if not fitting:
            kinds = " and ".join(sorted({f"a {cls.kind}" for cls in named}))
            raise PluginError(f"{name!r} is {kinds}, not a {kind}; `augment plugins` lists the {kind}s")
        return fitting

    def classes(self, kind: Kind) -> list[type[Component]]:
        """All components of a kind, built-in ones first. Imports every plugin and skips broken ones."""
        classes = []
        for report in sorted(self.reports(), key=lambda report: report.offer.distribution != OWN_DISTRIBUTION):
            names = {name for of_kind, name in report.components if of_kind == kind}
            classes += [cls for name in sorted(names) for cls in self.candidates(kind, name)]
        return list(dict.fromkeys(classes))

    def default_names(self, kind: Kind) -> list[str]:
        """Who says to be a default of a kind, ours first; nothing is imported."""
        offers = [offer for offer in self.offers if kind in offer.defaults]
        return [offer.name for offer in sorted(offers, key=lambda offer: offer.distribution != OWN_DISTRIBUTION)]

    def defaults(self, kind: Kind, modalities: Collection[Modality]) -> dict[str, frozenset[Modality]]:
        """Each default of a kind to the kinds of data for which it is that, of those asked for.

        Ours are the defaults wherever there are some, so that installing a plugin changes no pipeline that runs without
        it; only for other kinds of data are those of third parties imported. A broken one is left out, with a warning.
        """
        defaults: dict[str, frozenset[Modality]] = {}
        left = wanted = frozenset(modalities)
        for name in self.default_names(kind):
            own = self._offers[name][0].distribution == OWN_DISTRIBUTION
            if not own and not left:
                break
            try:
                classes = self.candidates(kind, name)
            except PluginError as error:
                logger.warning("%s; it is not used as a default %s", error, kind)
                continue
            claimed = frozenset(one for cls in classes for one in cls.default_for) & (wanted if own else left)
            if claimed:
                defaults[name] = claimed
            if own:
                left -= claimed
        return defaults

    def hooks(self, name: str) -> pluggy.PluginManager:
        """A plugin manager with the module of this name, for its observer hooks."""
        offer = self.offer(name)
        self._load(offer)
        return self._managers[offer.module]

    def named(self, name: str) -> list[Offer]:
        """The entry point with this name, or all entry points of the distribution with this name.

        Raises:
            PluginError: there is neither, or two distributions provide the name.
        """
        of_distribution = [offer for offer in self.offers if _plain(offer.distribution) == _plain(name)]
        return of_distribution if of_distribution and name not in self._offers else [self.offer(name)]

    def reports(self, timeout: float = 20.0, offers: Sequence[Offer] | None = None) -> list[PluginReport]:
        """The components or the problem of every entry point, or of those given: see `report`."""
        offers = self.offers if offers is None else offers
        unsafe = {str(offer): offer for offer in offers if self._must_be_tried(offer)}
        if unsafe:
            with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:  # each thread waits for a subprocess
                problems = pool.map(lambda one: try_elsewhere(one.module, str(one), timeout), unsafe.values())
                self._problems.update(zip(unsafe, problems, strict=True))
        return [self.report(offer, timeout) for offer in offers]

    def report(self, offer: Offer, timeout: float = 20.0) -> PluginReport:
        """The components of an entry point, or its problem.

        A third-party module is first imported in a subprocess with `timeout` seconds, so that a module that exits,
        crashes or hangs is only reported.
        """
        error = remedy = ""
        components: tuple[tuple[str, str], ...] = ()
        try:
            self.offer(offer.name)
            if self._must_be_tried(offer):
                self._problems[str(offer)] = try_elsewhere(offer.module, str(offer), timeout)
            if problem := self._problems.get(str(offer)):
                raise problem
            if any(cls.name == offer.name for cls in self._load(offer)) or not self._observes(offer):
                components = tuple((cls.kind, cls.name) for cls in self.components(offer.name))
        except PluginError as found:
            error, remedy = str(found), found.remedy
        return PluginReport(offer, components, error, remedy)

    def _must_be_tried(self, offer: Offer) -> bool:
        known = str(offer) in self._problems or offer.module in sys.modules
        return offer.distribution != OWN_DISTRIBUTION and not known

    def _observes(self, offer: Offer) -> bool:
        """Whether a loaded plugin has observer hooks. A plugin without components can be an observer."""
        manager = self._managers[offer.module]
        callers = manager.get_hookcallers(manager.get_plugin(offer.module)) or []
        return any(caller.name != "augment_components" for caller in callers)

    def _load(self, offer: Offer) -> tuple[type[Component], ...]:
        if offer.module not in self._loaded:
            with in_time(str(offer)) if offer.distribution != OWN_DISTRIBUTION else nullcontext():
                module = import_here(offer.module, str(offer))
                self._loaded[offer.module] = self._register(module, offer)
        return self._loaded[offer.module]

    def _register(self, module: ModuleType, offer: Offer) -> tuple[type[Component], ...]:
        from augment.plugin import hookspecs

        wanted = getattr(module, "API", API)
        if wanted != API:
            newer = isinstance(wanted, int) and wanted > API
            raise PluginError(
                f"plugin {offer} was written for API {wanted!r}; this is augment with API {API}",
                f"install a version of {offer.distribution} for API {API}{', or upgrade augment' if newer else ''}",
            )
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(hookspecs)
        known = {
            name: set(inspect.signature(value).parameters)
            for name, value in vars(hookspecs).items()
            if name.startswith("augment_")
        }
        for name, value in vars(module).items():
            if inspect.isfunction(value) and (problem := _hook_problem(name, value, known)):
                raise PluginError(f"plugin {offer}: {problem}")
        try:
            manager.register(module, name=offer.module)
            manager.check_pending()
            offered = [cls for classes in manager.hook.augment_components() for cls in classes]
        except pluggy.PluginValidationError as error:
            raise PluginError(f"plugin {offer}: {error}") from error
        except Exception as error:
            raise PluginError(f"plugin {offer}: augment_components failed: {failure(error)}") from error
        for cls in offered:
            if problem := component_problem(cls):
                raise PluginError(f"plugin {offer}: {problem}")
        for one, other in combinations(offered, 2):
            if (one.kind, one.name) == (other.kind, other.name) and _modalities(one) & _modalities(other):
                raise PluginError(
                    f"plugin {offer}: {_where(one)} and {_where(other)} are both the {one.kind} {one.name!r} for "
                    f"{' and '.join(sorted(_modalities(one) & _modalities(other)))} data; rename one of them"
                )
        self._managers[offer.module] = manager
        return tuple(offered)


def _hook_problem(name: str, function: FunctionType, known: Mapping[str, set[str]]) -> str | None:
    """The problem with a module's function as a hook; None if it is valid or not a hook.

    Args:
        known: name of each hook to its arguments.
    """
    marks = getattr(function, f"{GROUP}_impl", None)
    if marks is None:
        if name in known:
            return f"{name} lacks its decorator, @hookimpl from augment.plugin.hookspecs"
        return f"there is no hook {name!r}{did_you_mean(name, known)}" if name.startswith("augment_") else None
    hook = marks["specname"] or name
    if hook not in known:
        return f"there is no hook {hook!r}{did_you_mean(hook, known)}"
    arguments = inspect.signature(function).parameters.values()
    asked = {argument.name for argument in arguments if argument.default is argument.empty} - known[hook]
    if asked:
        given = ", ".join(sorted(known[hook])) or "nothing"
        return f"{name} asks for {', '.join(sorted(asked))}; the hook is given {given}"
    return None


def component_problem(cls: object) -> str | None:
    """Why a class is not a valid component; None if it is."""
    from augment.plugin.accepts import Accepts
    from augment.plugin.contracts import Component, Generator, Params

    if not (inspect.isclass(cls) and issubclass(cls, Component)):
        return f"{cls!r} is not a subclass of one of the eight component bases"
    where = _where(cls)
    if getattr(cls, "kind", None) not in KINDS:
        return f"{where} derives from none of the eight component bases"
    if not _NAME.fullmatch(str(getattr(cls, "name", ""))):
        return f"{where} has no usable `name`; lower-case letters, digits and single hyphens are expected"
    accepts: object = cls.accepts
    if not isinstance(accepts, Accepts):
        return f"{where}: `accepts` is {accepts!r}; an instance of augment.plugin.Accepts is expected"
    if beyond := cls.default_for - _modalities(cls):
        return f"{where}: `default_for` names {', '.join(sorted(beyond))}, which it does not work on"
    if issubclass(cls, Generator) and (
        beyond := frozenset(suits.modality for suits in cls.suits) - cls.accepts.modalities
    ):
        return f"{where}: `suits` names {', '.join(sorted(beyond))}, which it does not work on"
    settings: object = cls.Params
    if not (inspect.isclass(settings) and issubclass(settings, Params)):
        return f"{where}: `Params` is {settings!r}; a subclass of augment.plugin.Params is expected"
    known = {field.alias or name for name, field in settings.model_fields.items() if not field.is_required()}
    if issubclass(cls, Generator) and (unknown := set(cls.tunes) - known):
        return f"{where}: `tunes` names {', '.join(sorted(unknown))}, which is not a setting with a default"
    if inspect.isabstract(cls):
        return f"{where} does not implement {', '.join(sorted(cls.__abstractmethods__))}"
    return None


def _where(cls: type) -> str:
    return f"component {cls.__module__}.{cls.__qualname__}"


def _modalities(cls: type[Component]) -> frozenset[str]:
    from augment.plugin.contracts import Source

    return cls.yields if issubclass(cls, Source) else cls.accepts.modalities


def _plain(distribution: str) -> str:
    """A distribution's normalised name."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _installed() -> tuple[Offer, ...]:
    """All entry points; the metadata of what is installed is read again where one of its folders has changed."""
    folders = [Path(path or ".") for path in sys.path]
    return _entry_points(tuple((str(path), path.stat().st_mtime_ns) for path in folders if path.exists()))


@functools.lru_cache(maxsize=1)
def _entry_points(folders: tuple[tuple[str, int], ...]) -> tuple[Offer, ...]:
    groups = entry_points()
    known: dict[int, tuple[str, str]] = {}  # name and version of a distribution: each access reads its metadata anew

    def owner(entry: EntryPoint) -> tuple[str, str]:
        if id(entry.dist) not in known:
            known[id(entry.dist)] = _distribution(entry), entry.dist.version if entry.dist else "?"
        return known[id(entry.dist)]

    defaults: dict[tuple[str, str], set[str]] = {}
    for kind, group in DEFAULTS.items():
        for entry in groups.select(group=group):
            defaults.setdefault((entry.name, owner(entry)[0]), set()).add(kind)
    return tuple(
        Offer(entry.name, entry.value, *owner(entry), frozenset(defaults.get((entry.name, owner(entry)[0]), ())))
        for entry in groups.select(group=GROUP)
    )


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.metadata["Name"] if entry.dist else "an unknown distribution"
