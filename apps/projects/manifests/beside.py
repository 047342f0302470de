"""What stands beside a manifest's document: shares of languages, what previews could be made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.projects.manifests.listing import Listing, Tree


def facts_beside(repository: Path, tree: Tree, listing: Listing) -> Mapping[str, Any]:
    """Return the facts beside the document, as JSON."""
    return {"languages": {}}
