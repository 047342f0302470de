"""The one table from role to permission; roles are read per request, never from a token."""

from collections.abc import Mapping

from apps.accounts.models.organization import Role

# app -> (viewer, + analyst, + manager, + admin); names on the wire are `app.verb`.
GRANTS: Mapping[str, tuple[str, str, str, str]] = {
    "accounts": (
        "view",
        "create_key",
        "invite manage_jobs",
        "manage_members manage_organization manage_keys manage_webhooks view_audit discard_jobs",
    ),
    "datasets": ("view export", "create ingest change", "publish schedule delete", "configure"),
    "spatial": ("view ask export", "train evaluate predict", "activate delete", "configure"),
    "metrics": ("view export", "write change alert", "delete retain backfill", "configure"),
    "signals": ("view", "work", "assign run", "configure"),
    "projects": ("view", "create sync run comment", "link apply delete", "configure"),
    "previews": ("view", "create upload", "revoke hold", "configure"),
}

# Here an analyst has the manager column on rows they created.
OWNED_APPS = frozenset({"datasets", "projects", "previews"})


def _expand() -> dict[Role, frozenset[str]]:
    """Return the permissions of each role, those of the lower roles included."""
    table: dict[Role, frozenset[str]] = {}
    held: set[str] = set()
    for column, role in enumerate(Role):
        held |= {f"{app}.{verb}" for app, columns in GRANTS.items() for verb in columns[column].split()}
        table[role] = frozenset(held)
    return table


PERMISSIONS: Mapping[Role, frozenset[str]] = _expand()
ALL_PERMISSIONS = PERMISSIONS[Role.ADMIN]


def ordered_permissions() -> list[str]:
    """Return every permission, app by app, those of the lower roles first."""
    return [
        f"{app}.{verb}" for app, columns in GRANTS.items() for column in columns for verb in column.split()
    ]


def lowest_role(permission: str) -> Role:
    """Return the lowest role that holds `permission`; raises KeyError for an unknown one."""
    for role, held in PERMISSIONS.items():
        if permission in held:
            return role
    raise KeyError(permission)


def manager_permissions(app: str) -> frozenset[str]:
    """Return what the manager column adds in `app`: an owner's rights over their own rows."""
    return frozenset(f"{app}.{verb}" for verb in GRANTS[app][2].split())
