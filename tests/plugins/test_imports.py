"""What plugins import when they are listed: `augment check`, `plugins` and every worker list them."""

from __future__ import annotations

import json
import subprocess
import sys

from augment.plugin.catalog import OWN_DISTRIBUTION, Catalog

HEAVY = [
    "albumentations",
    "cv2",
    "imblearn",
    "jinja2",
    "matplotlib",
    "PIL",
    "scipy",
    "sklearn",
    "threadpoolctl",
    "torch",
]
CODE = """
import importlib, json, sys
heavy, *modules = map(str.split, sys.argv[1:])
found = {}
for (module,) in modules:
    for cls in importlib.import_module(module).augment_components():
        cls.Params.model_json_schema()
    found[module] = [name for name in heavy if sys.modules.pop(name, None)]
print(json.dumps(found))
"""


def test_listing_components_and_their_settings_imports_nothing_heavy():
    modules = sorted({offer.module for offer in Catalog().offers if offer.distribution == OWN_DISTRIBUTION})
    modules = [module for module in modules if "." not in module]  # the others observe runs, and have no components
    command = [sys.executable, "-c", CODE, " ".join(HEAVY), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert list(found) == modules
    assert {module: names for module, names in found.items() if names} == {}
