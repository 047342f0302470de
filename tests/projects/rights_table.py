"""Who may call what of projects, by method and address: the one table that the rights matrix reads.

V, E and O are the rights of projects.md section 1. A place in an address is written `{}`.
"""

from typing import Final

V: Final = "view"
E: Final = "edit"
O: Final = "own"  # noqa: E741 - the specification's name
# Not about one project: every member; whoever may create; everybody.
MEMBER: Final = "member"
ANALYST: Final = "analyst"
PUBLIC: Final = "public"

TABLE: Final[dict[str, str]] = {
    # Projects, members, credentials
    "GET projects": MEMBER,
    "POST projects": ANALYST,
    "GET projects/{}": V,
    "PATCH projects/{}": O,
    "DELETE projects/{}": O,
    "POST projects/{}/archive": O,
    "POST projects/{}/unarchive": O,
    "POST projects/{}/transfer": O,
    "GET projects/{}/members": V,
    "POST projects/{}/members": O,
    "GET projects/{}/members/{}": V,
    "PATCH projects/{}/members/{}": O,
    "DELETE projects/{}/members/{}": O,
    "GET projects/{}/credentials": O,
    "POST projects/{}/credentials": O,
    "GET projects/{}/credentials/{}": O,
    "PATCH projects/{}/credentials/{}": O,
    "DELETE projects/{}/credentials/{}": O,
    "GET health/workers": MEMBER,
    # Mirrors
    "POST projects/{}/link-repo": O,
    "DELETE projects/{}/link-repo": O,
    "GET projects/{}/mirror": V,
    "POST projects/{}/mirror/reclone": O,
    "POST projects/{}/sync-repo": E,
    "GET projects/{}/syncs": V,
    "GET projects/{}/syncs/{}": V,
    "GET projects/{}/refs": V,
    # Files, history, search
    "GET projects/{}/files": V,
    "GET projects/{}/files/{}": V,
    "GET projects/{}/files-by-key/{}": V,
    "GET projects/{}/raw/{}": V,
    "GET projects/{}/raw-by-key/{}": V,
    "GET projects/{}/search": V,
    "GET projects/{}/symbols": V,
    "GET projects/{}/commits": V,
    "GET projects/{}/commits/{}": V,
    "GET projects/{}/compare": V,
    # Manifests
    "GET projects/{}/manifest": V,
    "GET projects/{}/manifests": V,
    "GET projects/{}/manifest/document": V,
    "GET projects/{}/manifest/entries": V,
    "GET projects/{}/manifest/diff": V,
    "POST projects/{}/manifest/rebuild": E,
    "GET manifest-keys": PUBLIC,
    "POST projects/{}/anchors/resolve": V,
    # Code jobs
    "GET ai/engines": MEMBER,
    "GET ai/jobs": MEMBER,
    "POST ai/jobs": E,
    "GET ai/jobs/{}": V,
    "GET ai/jobs/{}/result": V,
    "GET projects/{}/docs": V,
    # Proposals
    "GET refactor/jobs": MEMBER,
    "POST refactor/jobs": E,
    "GET refactor/jobs/{}": V,
    "GET refactor/jobs/{}/files": V,
    "GET refactor/jobs/{}/files/{}/diff": V,
    "GET refactor/jobs/{}/residual": V,
    "GET refactor/jobs/{}/patch": V,
    "POST refactor/jobs/{}/decisions": E,
    "POST refactor/jobs/{}/preview": E,
    "POST refactor/jobs/{}/apply": O,
    "POST refactor/jobs/{}/reject": E,
    "POST refactor/jobs/{}/repropose": E,
}
# Writes that only read: an archived project answers them.
READING_POSTS: Final = frozenset({"POST projects/{}/anchors/resolve"})
# What brings a project back from the archive.
UNARCHIVING: Final = "POST projects/{}/unarchive"
# Only a person does this, no program.
PERSONAL: Final = frozenset({"POST refactor/jobs/{}/apply"})
