"""Metrics as a tree: the parts of their names between dots. Tags stay with the last part, with their dots."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from apps.metrics.queries.catalogue import nfc

DOT: Final = "."
# Begins the tags of a key, below which nothing lies.
TAGS: Final = ";"
# The character after the dot: what lies below `a.` ends before `a/`, by code point.
AFTER_DOT: Final = "/"


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One child: `is_leaf` if a metric has this path as its key, `is_expandable` if more lie below."""

    text: str
    is_leaf: bool
    is_expandable: bool


@dataclass(frozen=True, slots=True)
class TreePage:
    """Some children in the order of the keys, and the key at which the next page begins, None at the end."""

    nodes: list[TreeNode]
    resume_at: str | None


# A skip scan: each step looks up the first key behind the subtree of the step before, so that the cost is
# that of the children shown and not of what lies below them. The column's collation is C, as in the index.
_FIRST: Final = """
    SELECT key FROM metrics_metric
    WHERE organization_id = %(organization)s AND deleted_at IS NULL AND key >= {bound} AND key < %(end)s
    ORDER BY key LIMIT 1
"""
_EXISTS: Final = """
    EXISTS (SELECT FROM metrics_metric
    WHERE organization_id = %(organization)s AND deleted_at IS NULL AND {condition})
"""
# Of a key its part behind the base, and in that the place of the next dot of its name, 0 if there is none.
_REST: Final = "substr({key}, char_length(%(base)s) + 1)"
_DOT: Final = f"strpos(split_part({_REST}, ';', 1), '.')"
_BEHIND: Final = f"""
    CASE WHEN {_DOT} > 0 THEN %(base)s || left({_REST}, {_DOT} - 1) || '/' ELSE {{key}} || chr(1) END
"""
_STATEMENT: Final = f"""
WITH RECURSIVE step(key) AS (
    ({_FIRST.format(bound="%(start)s")})
    UNION ALL
    SELECT following.key FROM step CROSS JOIN LATERAL (
        {_FIRST.format(bound=_BEHIND.format(key="step.key"))}
    ) following
), child AS (
    SELECT key, {_REST.format(key="key")} AS rest, {_DOT.format(key="key")} AS dot FROM step LIMIT %(limit)s
), named AS (
    SELECT key, dot > 0 AS is_branch, CASE WHEN dot > 0 THEN left(rest, dot - 1) ELSE rest END AS text
    FROM child
)
SELECT key, text, is_branch, CASE
    WHEN is_branch THEN {_EXISTS.format(condition="key = %(base)s || text")}
    WHEN strpos(text, ';') > 0 THEN FALSE
    ELSE {_EXISTS.format(condition="key >= %(base)s || text || '.' AND key < %(base)s || text || '/'")}
END FROM named
"""  # noqa: S608 - put together of its own parts alone
# Behind every key: no name starts with the last code point, which is not a character.
_END: Final = "\U0010ffff"


def children_of(organization_id: uuid.UUID, path: str, *, limit: int, start: str | None = None) -> TreePage:
    """Return the children of a node, at most `limit`, from the key `start` on. Issues one query.

    `path` is the node's, with or without a dot at its end; empty for the root. A child that is both leaf and
    branch is one node.
    """
    base = nfc(path if not path or path.endswith(DOT) else path + DOT)
    if TAGS in base:
        return TreePage([], None)
    rows = _steps(
        organization=organization_id,
        base=base,
        start=start if start is not None and start > base else base,
        end=base[:-1] + AFTER_DOT if base else _END,
        limit=limit + 1,
    )
    nodes = [
        TreeNode(text, is_leaf=not is_branch, is_expandable=is_branch or is_both)
        for _key, text, is_branch, is_both in rows[:limit]
        # Such a branch was shown as the leaf, whose key comes first.
        if not (is_branch and is_both)
    ]
    return TreePage(nodes, rows[limit][0] if len(rows) > limit else None)


def _steps(**parameters: Any) -> list[tuple[str, str, bool, bool]]:
    """Return key, text, whether it is a branch, and whether the other kind of the same text exists."""
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, parameters)
        rows: list[tuple[str, str, bool, bool]] = cursor.fetchall()
        return rows
