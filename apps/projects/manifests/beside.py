"""What stands beside a manifest's document: shares of languages, what previews could be made of the files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from apps.projects.git.processes import run_git
from apps.projects.git.trees import TreeEntry
from apps.projects.manifests.listing import Listing, Tree

APP_JSON: Final = b"app.json"
APP_JSON_MAX_BYTES: Final = 64 * 1024


def facts_beside(repository: Path, tree: Tree, listing: Listing) -> Mapping[str, Any]:
    """Return the facts beside the document, as JSON: `languages` and `preview_capable`."""
    return {
        "languages": language_shares(listing),
        "preview_capable": preview_capable(tree, is_expo=_is_expo(repository, tree)),
    }


def language_shares(listing: Listing) -> Mapping[str, float]:
    """Return the share of each language in the bytes of code, largest first, to four places.

    Generated, vendored and excluded files do not count.
    """
    sizes: dict[str, int] = {}
    for entry in listing.entries:
        if entry.language and not (entry.is_generated or entry.is_vendored or entry.is_excluded):
            sizes[entry.language] = sizes.get(entry.language, 0) + (entry.size_bytes or 0)
    total = sum(sizes.values())
    ranked = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return {language: round(size / total, 4) for language, size in ranked if size}


def preview_capable(tree: Tree, *, is_expo: bool) -> Mapping[str, Any]:
    """Return for each platform whether a preview could be made of the files, and by which of them."""
    at_root = {entry.path for entry in tree.files if b"/" not in entry.path}
    folders = {folder.path for folder in tree.folders if b"/" not in folder.path}
    flutter = "pubspec.yaml" if b"pubspec.yaml" in at_root else ""
    expo = "app.json" if is_expo else ""
    web = next((name for name in ("index.html", "package.json") if name.encode() in at_root), "")
    reasons = {
        platform: expo or flutter or (f"{platform}/" if platform.encode() in folders else "")
        for platform in ("ios", "android")
    } | {"web": web}
    return {platform: {"yes": bool(reason), "reason": reason} for platform, reason in reasons.items()}


def _is_expo(repository: Path, tree: Tree) -> bool:
    found = next((entry for entry in tree.files if entry.path == APP_JSON and _is_small(entry)), None)
    if found is None:
        return False
    try:
        content = json.loads(run_git(repository, "cat-file", "blob", found.oid))
    except (ValueError, RecursionError):  # what a repository holds need not be JSON, or shallow
        return False
    return isinstance(content, dict) and "expo" in content


def _is_small(entry: TreeEntry) -> bool:
    return entry.mode.startswith("100") and (entry.size_bytes or 0) <= APP_JSON_MAX_BYTES
