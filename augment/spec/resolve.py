"""From the names in a pipeline file to components: who is behind each name, and whether its settings are good."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from augment.data import Modality
from augment.errors import PluginError, did_you_mean
from augment.plugin.accepts import EVERY_MODALITY
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Component, Generator, Params, Probe, Source
from augment.plugin.kinds import Kind
from augment.spec.document import Document, list_names
from augment.spec.messages import MAX_PROBLEMS, KeyPath, show_value
from augment.spec.model_errors import Violation, validate
from augment.spec.models import SECTIONS, infer_ids
from augment.spec.searched_settings import SEARCH, SearchedSettings, add_declared, check_lists, combine, find_lists
from augment.spec.stages import Candidate, Stage, class_name, map_paths
from augment.spec.trust import PYTHONS_OWN, is_trusted, outermost

__all__ = ["Resolver"]


class Resolver:
    """Finds the components behind the names in a tree, checks their settings, and collects what is wrong.

    Attributes:
        stages: those that were found, in the order in which they run.
        violations: everything that is wrong.
        broken: the plugins among it that cannot be imported or fail.
        trusted: first names of the modules of the user's that the pipeline names, all of them trusted.
    """

    def __init__(
        self,
        catalog: Catalog,
        document: Document,
        base: Path,
        source_needed: bool = True,
        trust: Collection[str] = (),
    ):
        self.violations: list[Violation] = []
        self.broken: list[PluginError] = []
        self.trusted: set[str] = set()
        self._trust = trust
        self._catalog = catalog
        self._document = document
        self._base = base
        self._source_needed = source_needed
        self._modalities: frozenset[Modality] | None = None  # what the source can yield, when that is known
        self.stages = [stage for section in SECTIONS for stage in self._section(section)]
        self._check_observers()

    def _section(self, section: str) -> Iterator[Stage]:
        kind = SECTIONS[section]
        if kind != "source" and self._document.tree.get(section) is None:
            yield from self._defaults(kind, (section,))
        for key_path, entry, name in self._entries(section):
            if len(self.violations) >= MAX_PROBLEMS:
                return  # near names take time to find, and nobody reads more
            stage = self._stage(kind, key_path, entry, name)
            if stage is None:
                continue
            if key_path == ("source",):
                classes = [candidate.cls for candidate in stage.candidates]
                yields = [cls.yields for cls in classes if issubclass(cls, Source)]
                self._modalities = frozenset[Modality]().union(*yields)
            yield stage
        if section == "filters":
            yield from self._probes()

    def _entries(self, section: str) -> list[tuple[KeyPath, Any, str]]:
        """KeyPath, entry and id of all entries of a section."""
        written = self._document.tree.get(section)
        if section == "source":
            split = self._document.tree.get("split")
            test = split.get("test") if isinstance(split, dict) else None
            of_test = [(("split", "test"), test, str(test.get("id") or "test"))] if isinstance(test, dict) else []
            return [((section,), written, infer_ids([written])[0]), *of_test]
        entries = written if isinstance(written, list) else []
        named = zip(entries, infer_ids(entries), strict=True)
        return [((section, at), entry, name) for at, (entry, name) in enumerate(named)]

    def _defaults(self, kind: Kind, key_path: KeyPath) -> Iterator[Stage]:
        """The defaults of a kind for all kinds of data that the source may yield."""
        if kind in ("transform", "generator"):
            return
        possible = EVERY_MODALITY if self._modalities is None else self._modalities
        for name, modalities in self._catalog.defaults(kind, possible).items():
            if stage := self._stage(kind, key_path, {"use": name}, name, modalities):
                yield stage

    def _probes(self) -> Iterator[Stage]:
        trial = self._document.tree.get("trial", {})
        if not isinstance(trial, dict):
            return
        key_path: KeyPath = ("trial", "probe")
        entry = trial.get("probe")
        if entry is None:
            yield from self._defaults("probe", key_path)
        elif stage := self._stage("probe", key_path, self._spelled_out(entry, key_path), infer_ids([entry])[0]):
            yield stage

    def _spelled_out(self, entry: Any, key_path: KeyPath) -> Any:
        """A probe `package.module:factory` as the component behind it, with the module's file; others as they are."""
        use = entry.get("use") if isinstance(entry, dict) else None
        settings = entry.get("with", {}) if isinstance(entry, dict) else {}
        written = settings.get("factory") if isinstance(settings, dict) and "file" not in settings else None
        is_short = isinstance(use, str) and ":" in use
        factory = use if is_short else written
        if not isinstance(use, str) or not isinstance(factory, str):
            return entry
        module = factory.partition(":")[0]
        top = module.partition(".")[0]
        classes = (
            (name, cls)
            for name in self._catalog.default_names("probe")
            for cls in self._classes("probe", name, key_path)
            if issubclass(cls, Probe) and cls.takes_factory
        )
        name, cls = next(((name, cls) for name, cls in classes if is_short or name == use), ("", None))
        if cls is None and not is_short:
            return entry
        if cls is None:
            self.violations.append(((*key_path, "use"), "no installed plugin makes a probe of a function"))
            return None
        place = self._base.joinpath(*module.split("."))
        beside = [file for file in (place.with_name(f"{place.name}.py"), place / "__init__.py") if file.is_file()]
        beside = [] if top in cls.libraries else beside  # a library's name always means the installed one
        file = {"file": str(beside[0])} if beside else {}
        if not beside and not _is_installed(top):
            here = f"it is neither in the folder of the pipeline file, {str(self._base)!r}, nor installed"
            place_of_name = ("use",) if is_short else ("with", "factory")
            self.violations.append(((*key_path, *place_of_name), f"there is no module {module!r}: {here}"))
            return None
        settings = {"factory": factory, **file, **settings} if isinstance(settings, dict) else settings
        return {**entry, "use": name, "with": settings}

    def _stage(
        self,
        kind: Kind,
        key_path: KeyPath,
        entry: Any,
        name: str,
        default_for: frozenset[Modality] | None = None,
    ) -> Stage | None:
        """The stage of one entry; None when something is wrong with it, or it is a default and unfit."""
        if not isinstance(entry, dict) or not isinstance(use := entry.get("use"), str):
            return None  # the model says so
        classes = self._classes(kind, use, (*key_path, "use"))
        possible = [cls for cls in classes if self._is_possible(cls)]
        if classes and not possible and default_for is None:
            kinds = " or ".join(sorted(self._modalities or ()))
            works_on = " or ".join(sorted({kind for cls in classes for kind in cls.accepts.modalities}))
            self.violations.append(((*key_path, "use"), f"{use!r} works on {works_on}, but the source yields {kinds}"))
        settings = entry.get("with", {})
        if not possible or not isinstance(settings, dict):
            return None
        candidates: list[Candidate] = []
        refused: list[tuple[type[Component], list[Violation]]] = []
        for cls in possible:
            candidate, violations = self._candidate(cls, entry, key_path)
            if violations or candidate is None:
                refused.append((cls, violations))
            else:
                candidates.append(candidate)
        if not candidates:
            nearest = min([violations for _, violations in refused], key=len)
            self.violations += nearest
            return None
        timeout = entry.get("timeout")
        return Stage(
            kind,
            name,
            use,
            float(timeout) if isinstance(timeout, int | float) else None,
            tuple(candidates),
            ".".join(map(str, key_path)),
            default_for,
            tuple((cls, tuple(self._document.problem(*item) for item in violations)) for cls, violations in refused),
        )

    def _classes(self, kind: Kind, use: str, key_path: KeyPath) -> list[type[Component]]:
        if use not in self._catalog.names:
            self.violations.append((key_path, self._unknown(use)))
            return []
        try:
            classes = self._catalog.components(use)
        except PluginError as error:
            if not self._catalog.only_observes(use):  # that is the pipeline's mistake: the plugin is as it should be
                self.broken.append(error)
            self.violations.append((key_path, str(error)))
            return []
        fitting = [cls for cls in classes if cls.kind == kind]
        if not fitting:
            kinds = " and ".join(sorted({f"a {cls.kind}" for cls in classes}))
            self.violations.append((key_path, f"{use!r} is {kinds}; expected a {kind} (`augment plugins` lists them)"))
        return fitting

    def _is_possible(self, cls: type[Component]) -> bool:
        if cls.kind in ("source", "transform") or self._modalities is None:
            return True
        return bool(cls.accepts.modalities & self._modalities)

    def _candidate(
        self, cls: type[Component], entry: dict[str, Any], key_path: KeyPath
    ) -> tuple[Candidate | None, list[Violation]]:
        """A component with its settings, also those that a search finds; or what is wrong with them."""
        settings, inside = entry.get("with", {}), (*key_path, "with")
        lists = find_lists(settings)
        if not issubclass(cls, Generator):
            params, violations = self._params(cls, settings, inside)
            only = "only settings of generators can be searched for; write one value"
            violations = [(path, only if path[len(inside) :] in lists else said) for path, said in violations]
            return None if params is None else Candidate(cls, params), violations
        if entry.get("tune") is True:
            declared = add_declared(cls, settings)
            if declared == settings:
                named = "all settings that it declares are written under `with`" if cls.tunes else "it declares none"
                says = f"{cls.name!r} has no setting left to search for: {named}"
                return None, [((*key_path, "tune"), f"{says}; name one, such as `with: {{NAME: {{search: [1, 2]}}}}`")]
            settings, lists = declared, find_lists(declared)
        if violations := check_lists(lists):
            return None, [((*inside, *inner), said) for inner, said in violations]
        return self._variants(cls, settings, lists, inside)

    def _variants(
        self, cls: type[Component], settings: dict[str, Any], lists: dict[KeyPath, list[Any]], inside: KeyPath
    ) -> tuple[Candidate | None, list[Violation]]:
        """A component with every combination of the values that a search is to try."""
        variants: list[Params] = []
        found: list[tuple[dict[KeyPath, int], list[Violation]]] = []
        num_broken = len(self.broken)
        for tree, chosen in combine(settings, lists):
            params, violations = self._params(cls, tree, inside)
            if len(self.broken) > num_broken:
                return None, violations
            if not violations and params in variants:
                place, position = next((place, position) for place, position in chosen.items() if position)
                same = "is the same setting as another value of this list"
                violations = [*violations, ((*inside, *place, SEARCH, position), same)]
            found.append((chosen, violations))
            variants += [params] if params is not None and not violations else []
        everywhere = set(found[0][1]).intersection(*(violations for _, violations in found))
        blamed = [
            violation if violation in everywhere else _blame_value(violation, inside, chosen)
            for chosen, violations in found
            for violation in violations
        ]
        if blamed:
            return None, list(dict.fromkeys(blamed))
        return Candidate(cls, variants[0], SearchedSettings(tuple(lists), tuple(variants)) if lists else None), []

    def _params(
        self, cls: type[Component], settings: dict[str, Any], key_path: KeyPath
    ) -> tuple[Params | None, list[Violation]]:
        """The settings of one component with absolute paths, or what is wrong with them."""
        try:
            params, violations = validate(cls.Params, settings)
            if params is None:  # the paths among the good ones are looked at all the same
                wrong = {inner[0] for inner, _ in violations if inner}
                params, _ = validate(cls.Params, {key: value for key, value in settings.items() if key not in wrong})
        except Exception as error:  # a plugin's own validator may raise anything
            message = f"{class_name(cls)} fails on these settings: {type(error).__name__}: {error}"
            self.broken.append(PluginError(message))
            return None, [(key_path, message)]
        problems = [((*key_path, *inner), message) for inner, message in violations]
        if params is None:
            return None, problems

        def absolute(path: Path, inner: KeyPath) -> Path:
            place = Path(os.path.abspath(self._base / os.path.expanduser(path)))
            is_pattern = re.search(r"[*?[]", str(path)) is not None
            if cls.kind != "source" or not self._source_needed or is_pattern:
                return place
            if not os.path.exists(place):
                looked = "" if path.is_absolute() else f" (relative paths start from {str(self._base)!r})"
                say_where = f"; say where it is: `--set {'.'.join(map(str, (*key_path, *inner)))}=/full/path`"
                near = did_you_mean(place.name, list_names(place.parent)) or say_where
                said = f"there is no file or folder {show_value(str(path), 200)}{looked}{near}"
                problems.append(((*key_path, *inner), said))
            elif not (place.is_file() or place.is_dir()):  # reading it may wait for ever, and never twice the same
                said = f"{show_value(str(path), 200)} is a pipe or a device; save its content in a file, and name that"
                problems.append(((*key_path, *inner), said))
            return place

        params = map_paths(params, absolute)
        if issubclass(cls, Probe) and cls.takes_factory and (problem := self._distrust(cls, params)):
            problems.append((key_path, problem))
        return params, problems

    def _distrust(self, cls: type[Probe], params: Any) -> str:
        """Why the code that a probe's settings name may not run, or nothing; nothing is imported to find out."""
        module, file = params.factory.partition(":")[0], params.file
        top = module.partition(".")[0]
        if file is None and top in cls.libraries:
            return ""
        if file is not None and top in self._trust and _is_elsewhere(top, outermost(module, file)):
            return (
                f"{params.factory!r} would run the code in {str(file)!r}, but {top!r} is an installed module too, so "
                "the name does not say which is trusted; rename the file, or trust its folder in your configuration"
            )
        if file is None and top in PYTHONS_OWN:
            return (
                f"{params.factory!r} would call a function of Python itself, which makes no model; name one of your own"
            )
        if is_trusted(module, file, self._trust):
            self.trusted.add(top)
            return ""
        what = f"the code in {str(file)!r}" if file else f"the installed module {top!r}"
        return (
            f"{params.factory!r} would run {what}, which a pipeline may do only where you trust it; if that is "
            f"your own code, add `--trust {top}` to the command, or `trust=[{top!r}]` in Python"
        )

    def _check_observers(self) -> None:
        observers = self._document.tree.get("observers")
        for position, name in enumerate(observers if isinstance(observers, list) else []):
            if isinstance(name, str) and name not in self._catalog.names:
                self.violations.append((("observers", position), self._unknown(name)))

    def _unknown(self, use: str) -> str:
        near = did_you_mean(use.lower(), self._catalog.names)
        return f"{show_value(use)} is not installed{near or '; `augment plugins` lists what is'}"


def _blame_value(violation: Violation, inside: KeyPath, chosen: dict[KeyPath, int]) -> Violation:
    """What is wrong with a combination of searched settings, said of the value in its list where it is about one."""
    path, said = violation
    inner = path[len(inside) :]
    for place, position in chosen.items():
        if inner[: len(place)] == place and SEARCH not in inner:
            return (*inside, *place, SEARCH, position, *inner[len(place) :]), said
    return violation


def _is_elsewhere(module: str, folder: Path) -> bool:
    """Whether a module of that first name is installed in another folder than this one; nothing is imported."""
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:
        return True
    if spec is None:
        return False
    places = [Path(place).parent for place in spec.submodule_search_locations or ()]
    places = places or [Path(spec.origin).parent if spec.origin else Path()]
    return all(place.resolve() != folder.resolve() for place in places)


def _is_installed(module: str) -> bool:
    """Whether there is a module of that first name; nothing is imported."""
    try:
        return module.isidentifier() and importlib.util.find_spec(module) is not None
    except ValueError:  # Python's main module, among others, says nothing of itself
        return False
