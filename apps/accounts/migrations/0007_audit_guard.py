"""The database itself keeps the audit: facts stay, places are given once, only a pruned prefix goes."""

from django.db import migrations

# A row's facts never change; label, address and agent may be blanked, sequence and hash be set once, together.
ENTRY = """
CREATE FUNCTION accounts_audit_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.organization_id, NEW.created_at, NEW.actor_type, NEW.actor_id, NEW.verb,
            NEW.target_type, NEW.target_id, NEW.changes, NEW.request_id)
           IS NOT DISTINCT FROM
           (OLD.id, OLD.organization_id, OLD.created_at, OLD.actor_type, OLD.actor_id, OLD.verb,
            OLD.target_type, OLD.target_id, OLD.changes, OLD.request_id)
           AND NEW.actor_label IN (OLD.actor_label, '')
           AND NEW.target_label IN (OLD.target_label, '')
           AND NEW.user_agent IN (OLD.user_agent, '')
           AND (NEW.ip IS NULL OR NEW.ip IS NOT DISTINCT FROM OLD.ip)
           AND ((NEW.sequence, NEW.hash) IS NOT DISTINCT FROM (OLD.sequence, OLD.hash)
                OR (OLD.sequence IS NULL AND OLD.hash IS NULL
                    AND NEW.sequence IS NOT NULL AND NEW.hash IS NOT NULL))
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit entry % cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.organization_id IS NULL THEN
        IF EXISTS (SELECT FROM accounts_audit_head
                   WHERE organization_id IS NULL AND pruned_sequence >= OLD.sequence) THEN
            RETURN OLD;
        END IF;
    ELSIF EXISTS (SELECT FROM accounts_audit_head
                  WHERE organization_id = OLD.organization_id AND pruned_sequence >= OLD.sequence)
       OR EXISTS (SELECT FROM accounts_organization
                  WHERE id = OLD.organization_id AND deleted_at IS NOT NULL) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit entry % cannot be deleted', OLD.id USING ERRCODE = 'restrict_violation';
END
$$
"""

# A chain's head only moves on, and goes with its organization alone.
HEAD = """
CREATE FUNCTION accounts_audit_head_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.id = OLD.id AND NEW.organization_id IS NOT DISTINCT FROM OLD.organization_id
           AND NEW.sequence >= OLD.sequence AND NEW.pruned_sequence BETWEEN OLD.pruned_sequence AND NEW.sequence
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit head % cannot go back', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM accounts_organization
               WHERE id = OLD.organization_id AND deleted_at IS NOT NULL) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit head % cannot be deleted', OLD.id USING ERRCODE = 'restrict_violation';
END
$$
"""

TRUNCATION = """
CREATE FUNCTION accounts_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit cannot be truncated' USING ERRCODE = 'restrict_violation';
END
$$
"""

TRIGGERS = [
    """
    CREATE TRIGGER accounts_audit_guard BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_guard()
    """,
    """
    CREATE TRIGGER accounts_audit_refuse BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_refuse()
    """,
]
TABLES = ("accounts_audit_entry", "accounts_audit_head")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_audit_places")]
    operations = [
        migrations.RunSQL(ENTRY, "DROP FUNCTION accounts_audit_entry_guard() CASCADE"),
        migrations.RunSQL(HEAD, "DROP FUNCTION accounts_audit_head_guard() CASCADE"),
        migrations.RunSQL(TRUNCATION, "DROP FUNCTION accounts_audit_refuse() CASCADE"),
        *(
            migrations.RunSQL(trigger.format(table=table), migrations.RunSQL.noop)
            for table in TABLES
            for trigger in TRIGGERS
        ),
    ]
