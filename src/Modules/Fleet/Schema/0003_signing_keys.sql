-- Keys of unlock tokens. Private halves are encrypted with a key that is not in the database.
CREATE TABLE signing_keys (
    id text PRIMARY KEY,
    x bytea NOT NULL,
    y bytea NOT NULL,
    private_key bytea NOT NULL,
    protected_by text NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retires_at timestamptz
);
