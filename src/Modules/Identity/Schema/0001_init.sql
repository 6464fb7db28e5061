CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('rider', 'staff')),
    email text NOT NULL,
    email_key text NOT NULL, -- the address in lower case
    phone text,
    display_name text NOT NULL,
    language text NOT NULL,
    birth_date date,
    roles text[] NOT NULL,
    password_hash text,
    email_verified_at timestamptz,
    phone_verified_at timestamptz,
    terms_version text,
    terms_accepted_at timestamptz,
    payment_method_at timestamptz,
    bookable_at timestamptz,
    created_at timestamptz NOT NULL,
    version int NOT NULL,
    CONSTRAINT accounts_email UNIQUE (email_key),
    CONSTRAINT accounts_bookable CHECK (bookable_at IS NULL OR (email_verified_at IS NOT NULL AND phone_verified_at IS NOT NULL
        AND terms_accepted_at IS NOT NULL AND payment_method_at IS NOT NULL))
);

-- One living code per account, channel and purpose; only a keyed hash of it is kept.
CREATE TABLE codes (
    account uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    channel text NOT NULL CHECK (channel IN ('email', 'phone')),
    purpose text NOT NULL CHECK (purpose IN ('verify', 'password')),
    hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    tries int NOT NULL,
    issues int NOT NULL,
    issues_since timestamptz NOT NULL,
    PRIMARY KEY (account, channel, purpose)
);

-- A sign-in and all refresh tokens that descend from it.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    account uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_for text CHECK (ended_for IN ('revoked', 'reuse', 'password'))
);
CREATE INDEX sessions_account ON sessions (account);

CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY,
    session uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

-- Machines: services by name, vehicles by their id in text. Secrets are 256 random bits, so a plain hash is enough.
CREATE TABLE clients (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('service', 'device')),
    subject uuid NOT NULL,
    secret_hash bytea NOT NULL,
    permissions text[] NOT NULL,
    created_at timestamptz NOT NULL
);

-- Private keys are encrypted with a key that is not in the database.
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
