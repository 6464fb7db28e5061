-- Boards as they leave the factory. Staff bind each to a vehicle before it is switched on; it then proves itself, once, with the key that it was made with or
-- with a secret that is worth nothing afterwards. Only hashes are kept.
CREATE TABLE devices (
    serial        text PRIMARY KEY,
    vehicle       uuid NOT NULL,
    key_hash      bytea, -- SHA-256 of the public key (SubjectPublicKeyInfo) that it was made with
    secret_hash   bytea, -- SHA-256 of its enrollment secret
    registered_at timestamptz NOT NULL,
    enrolled_at   timestamptz,
    enrolled_key  bytea, -- SHA-256 of the public key that it came with: the only one whose certificates are renewed
    revoked_at    timestamptz,
    CHECK ((key_hash IS NULL) <> (secret_hash IS NULL)),
    CHECK ((enrolled_at IS NULL) = (enrolled_key IS NULL))
);
CREATE UNIQUE INDEX devices_vehicle ON devices (vehicle) WHERE revoked_at IS NULL; -- a vehicle has one board

-- What happened to a device, and who did it. Refusals are kept up to a number for each device; renewals are rows of device_certificates.
CREATE TABLE device_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial  text NOT NULL,
    at      timestamptz NOT NULL,
    what    text NOT NULL, -- registered, enrolled, refused, revoked
    reason  text, -- of a refusal: the problem's code
    actor   text NOT NULL
);
CREATE INDEX device_log_serial ON device_log (serial, id);
