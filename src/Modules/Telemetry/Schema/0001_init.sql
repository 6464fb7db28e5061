-- What vehicles reported, by day of the vehicle's own clock. The key finds a repeated report by vehicle and sequence in the few days it can be in, and reads
-- a vehicle's path; a second index by time would double the cost of writing (see the ADR on durable acknowledgements).
CREATE TABLE history (
    vehicle       uuid NOT NULL,
    sequence      bigint NOT NULL,
    at            timestamptz NOT NULL, -- the vehicle's clock
    received_at   timestamptz NOT NULL,
    lat           double precision NOT NULL,
    lon           double precision NOT NULL,
    accuracy      real, -- meters
    heading       real, -- degrees from north
    speed         real, -- meters per second
    charge        smallint, -- percent
    battery       text,
    locked        boolean,
    odometer      bigint, -- meters
    temperature   real, -- degrees Celsius
    errors        text[], -- null when there are none
    PRIMARY KEY (vehicle, sequence, at)
) PARTITION BY RANGE (at);

-- The newest report of each vehicle by its own clock, and the highest sequence ever accepted. The live fleet starts from here.
CREATE TABLE last_reports (
    vehicle       uuid PRIMARY KEY,
    sequence      bigint NOT NULL, -- the highest
    at            timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    lat           double precision NOT NULL,
    lon           double precision NOT NULL,
    accuracy      real,
    heading       real,
    speed         real,
    charge        smallint,
    battery       text,
    locked        boolean,
    odometer      bigint,
    temperature   real,
    errors        text[]
) WITH (fillfactor = 60); -- rewritten all the time: room on the page keeps the update off the index

-- The last status of each vehicle, which a new subscriber is told first; also its last will.
CREATE TABLE last_statuses (
    vehicle     uuid PRIMARY KEY,
    payload     bytea NOT NULL,
    received_at timestamptz NOT NULL
) WITH (fillfactor = 60);

-- What happened to a vehicle by its own word: unlocked, locked, tamper, collision.
CREATE TABLE vehicle_events (
    vehicle     uuid NOT NULL,
    sequence    bigint NOT NULL,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kind        text NOT NULL,
    payload     bytea NOT NULL, -- as it came
    PRIMARY KEY (vehicle, sequence)
);

-- Messages that broke a rule, for an operator to read; bounded by number, oldest go first.
CREATE TABLE quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle     uuid NOT NULL,
    topic       text NOT NULL,
    reason      text NOT NULL,
    payload     bytea NOT NULL, -- cut off after some kilobytes
    received_at timestamptz NOT NULL
);

-- How a vehicle proves who it is: a secret of 256 random bits, of which only the hash is kept, or a certificate of our own authority.
CREATE TABLE device_secrets (
    vehicle   uuid PRIMARY KEY,
    hash      bytea NOT NULL,
    issued_at timestamptz NOT NULL
);

CREATE TABLE device_authorities (
    id           text PRIMARY KEY,
    certificate  bytea NOT NULL,
    private_key  bytea NOT NULL, -- protected with a key that is not in the database
    protected_by text NOT NULL,
    created_at   timestamptz NOT NULL
);

CREATE TABLE device_certificates (
    serial     text PRIMARY KEY,
    vehicle    uuid NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX device_certificates_vehicle ON device_certificates (vehicle);
