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
    data jsonb NOT NULL,
    metadata jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (xid, position)
);
