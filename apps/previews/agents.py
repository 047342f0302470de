"""Short names of programs, for lists that people read. Nothing is decided by them."""

import re
from typing import Final

NAME_CHARS: Final = 80
# In the order in which they are looked for: most browsers claim to be others as well.
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
PRODUCT: Final = re.compile(r"[\w .+-]+(?:/[\w.]+)?")


def name_of_agent(agent: str) -> str:
    """Return `Chrome on Android` for a browser's agent, the product for a program's, empty for none."""
    browser = _first(BROWSERS, agent) if agent.startswith("Mozilla/") else ""
    system = _first(SYSTEMS, agent)
    if browser:
        return f"{browser} on {system}" if system else browser
    product = PRODUCT.match(agent)
    return product[0].strip().replace("/", " ")[:NAME_CHARS] if product else ""


def _first(names: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for mark, name in names if mark in agent), "")
