-- What every module shares: the bus's log, the register of migrations, and the one assertion.
CREATE SCHEMA IF NOT EXISTS platform;
CREATE SCHEMA IF NOT EXISTS bus;

CREATE TABLE IF NOT EXISTS platform.migrations (
    module text NOT NULL,
    version int NOT NULL,
    name text NOT NULL,
    hash text NOT NULL,
    applied_at timestamptz NOT NULL,
    PRIMARY KEY (module, version)
);

-- Aborts the transaction of a batch whose earlier statement touched no row where it must touch one.
CREATE OR REPLACE FUNCTION platform.require(ok boolean, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF ok IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'MB001', MESSAGE = what, CONSTRAINT = what;
    END IF;
END $$;

-- Outbox and log in one: written in the publisher's transaction, read by subscribers in (xid, position) order below the
-- oldest running transaction, so that a transaction that commits late is never skipped (ADR 0003).
CREATE TABLE IF NOT EXISTS bus.messages (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL,
    type text NOT NULL,
    key uuid NOT NULL,
    source text NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (xid, position)
);

-- Deletes old messages from the log's beginning, as far as every subscription of every module has come. The owner of the schemas acts here, so that
-- no role needs to see another module's checkpoints.
CREATE OR REPLACE FUNCTION bus.trim(older_than timestamptz, rows_max int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    schema_name text;
    place record;
    floor_xid xid8;
    floor_position bigint;
    deleted bigint;
BEGIN
    FOR schema_name IN SELECT DISTINCT module FROM platform.migrations LOOP
        EXECUTE format('SELECT xid, position FROM %I.checkpoints WHERE name NOT LIKE ''view:%%'' ORDER BY xid, position LIMIT 1', schema_name) INTO place;
        CONTINUE WHEN place.xid IS NULL;
        IF floor_xid IS NULL OR (place.xid, place.position) < (floor_xid, floor_position) THEN
            floor_xid := place.xid;
            floor_position := place.position;
        END IF;
    END LOOP;
    WITH head AS MATERIALIZED (
        SELECT xid, position, at FROM bus.messages WHERE (xid, position) <= (floor_xid, floor_position) ORDER BY xid, position LIMIT rows_max),
    gone AS (
        DELETE FROM bus.messages m USING head h WHERE m.xid = h.xid AND m.position = h.position AND h.at < older_than RETURNING 1)
    SELECT count(*) INTO deleted FROM gone;
    RETURN deleted;
END $$;
REVOKE ALL ON FUNCTION bus.trim(timestamptz, int) FROM PUBLIC;
