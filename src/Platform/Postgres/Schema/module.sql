-- The tables that every module has in its own schema; run with search_path set to it. What is written once and read whole is json, not jsonb: it keeps its
-- bytes and costs no parsing.
CREATE TABLE IF NOT EXISTS events (
    stream_id uuid NOT NULL,
    version int NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint GENERATED ALWAYS AS IDENTITY,
    stream_type text NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (stream_id, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS events_order ON events (xid, position);

CREATE TABLE IF NOT EXISTS snapshots (
    stream_id uuid PRIMARY KEY,
    version int NOT NULL,
    schema_hash text NOT NULL,
    state jsonb NOT NULL
);

-- How far each subscription and each asynchronous view has come.
CREATE TABLE IF NOT EXISTS checkpoints (
    name text PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT '0',
    position bigint NOT NULL DEFAULT 0
);

-- Messages that could not be handled in order at once: waiting for another try, or parked for an operator.
CREATE TABLE IF NOT EXISTS inbox (
    subscription text NOT NULL,
    message_id uuid NOT NULL,
    key uuid NOT NULL,
    xid xid8 NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'parked')),
    attempts int NOT NULL,
    due_at timestamptz NOT NULL,
    error text,
    PRIMARY KEY (subscription, message_id)
);
CREATE INDEX IF NOT EXISTS inbox_due ON inbox (due_at) WHERE state = 'waiting';

-- Messages to oneself at a later time: timeouts and calls to the outside world.
CREATE TABLE IF NOT EXISTS scheduled (
    type text NOT NULL,
    key uuid NOT NULL,
    due_at timestamptz NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    parked boolean NOT NULL DEFAULT false,
    error text,
    PRIMARY KEY (type, key)
);
CREATE INDEX IF NOT EXISTS scheduled_due ON scheduled (due_at) WHERE NOT parked;

-- Replies to commands that must not act twice.
CREATE TABLE IF NOT EXISTS idempotency (
    caller uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status int NOT NULL,
    reply text,
    at timestamptz NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (caller, key)
);
CREATE INDEX IF NOT EXISTS idempotency_at ON idempotency (at);
