"""Digests of entities and fingerprints of tenants, kept with the rows; whoever writes past us takes them away.

A digest that is not there is computed from its row: so are all of them that an older reconciler left, until the next
write. The triggers see to it that a row which is changed by other means has none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns, and the triggers of the database at hand."""
    op.add_column("entities", sa.Column("digest", sa.Text))
    op.add_column("tenants", sa.Column("fingerprint", sa.Text))
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(sa.text(statement))


_FORGET = "UPDATE tenants SET fingerprint = NULL WHERE fingerprint IS NOT NULL AND tenant"

SQLITE = (
    f"CREATE TRIGGER entities_inserted AFTER INSERT ON entities BEGIN {_FORGET} = NEW.tenant; END",
    f"CREATE TRIGGER entities_deleted AFTER DELETE ON entities BEGIN {_FORGET} = OLD.tenant; END",
    f"""CREATE TRIGGER entities_updated AFTER UPDATE ON entities BEGIN
        {_FORGET} IN (OLD.tenant, NEW.tenant);
        UPDATE entities SET digest = NULL
        WHERE tenant = NEW.tenant AND kind = NEW.kind AND "key" = NEW."key" AND NEW.digest IS OLD.digest
        AND (NEW.body IS NOT OLD.body OR NEW.origin IS NOT OLD.origin
             OR NEW.kind IS NOT OLD.kind OR NEW."key" IS NOT OLD."key");
    END""",
)

POSTGRESQL = (
    f"""CREATE FUNCTION entities_written() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP IN ('INSERT', 'UPDATE') THEN {_FORGET} IN (SELECT tenant FROM new_rows); END IF;
        IF TG_OP IN ('DELETE', 'UPDATE') THEN {_FORGET} IN (SELECT tenant FROM old_rows); END IF;
        RETURN NULL;
    END $$""",
    """CREATE FUNCTION entity_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF NEW.digest IS NOT DISTINCT FROM OLD.digest THEN NEW.digest := NULL; END IF;
        RETURN NEW;
    END $$""",
    """CREATE FUNCTION entities_emptied() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN UPDATE tenants SET fingerprint = NULL; RETURN NULL; END $$""",
    """CREATE TRIGGER entities_inserted AFTER INSERT ON entities REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION entities_written()""",
    """CREATE TRIGGER entities_deleted AFTER DELETE ON entities REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION entities_written()""",
    """CREATE TRIGGER entities_updated AFTER UPDATE ON entities REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION entities_written()""",
    """CREATE TRIGGER entity_changed BEFORE UPDATE ON entities FOR EACH ROW
    WHEN ((NEW.kind, NEW."key", NEW.origin, NEW.body) IS DISTINCT FROM (OLD.kind, OLD."key", OLD.origin, OLD.body))
    EXECUTE FUNCTION entity_changed()""",
    """CREATE TRIGGER entities_emptied AFTER TRUNCATE ON entities
    FOR EACH STATEMENT EXECUTE FUNCTION entities_emptied()""",
)
