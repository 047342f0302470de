"""What the audit says of acts on projects."""

from typing import Final

VERBS: Final[dict[str, str]] = {
    # Projects
    "projects.created": "A project was created",
    "projects.changed": "A project was changed",
    "projects.deleted": "A project was deleted",
    "projects.restored": "A deleted project was restored",
    "projects.archived": "A project was archived",
    "projects.unarchived": "A project was brought back from the archive",
    "projects.transferred": "A project was given to another owner",
    # Members
    "projects.member_added": "Somebody became a member of a project",
    "projects.member_changed": "A member of a project got another role",
    "projects.member_removed": "Somebody is no member of a project any more",
    # Mirrors
    "projects.repository_linked": "A repository was linked to a project",
    "projects.repository_unlinked": "A repository was unlinked from a project",
    "projects.sync_started": "A sync of a repository was asked for",
    "projects.reclone_started": "A new clone of a repository was asked for",
    "projects.mirror_paused": "A mirror was paused or let go on",
    "projects.quota_changed": "The quota of a mirror was changed",
    # Manifests
    "projects.manifest_rebuild_started": "A new build of a manifest was asked for",
    # Credentials
    "projects.credential_added": "A credential was stored",
    "projects.credential_changed": "A credential was changed or replaced",
    "projects.credential_deleted": "A credential was deleted",
    # Code jobs
    "projects.external_job_started": "A code job was started that may ask a language model",
    # Proposals
    "projects.proposal_applied": "A proposed rename was approved to be applied",
    "projects.proposal_rejected": "A proposed rename was rejected",
}
