-- From the city packs.
CREATE TABLE cities (
    id text PRIMARY KEY,
    time_zone text NOT NULL
);

CREATE TABLE vehicle_types (
    city text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    default_tariff text NOT NULL,
    PRIMARY KEY (city, id)
);

CREATE TABLE opening_rules (
    city text NOT NULL,
    kind text NOT NULL,
    rule jsonb NOT NULL,
    PRIMARY KEY (city, kind)
);

-- Every version that was ever in force; the highest is today's. What was booked carries its own copy.
CREATE TABLE tariffs (
    city text NOT NULL,
    id text NOT NULL,
    version int NOT NULL,
    valid_from timestamptz NOT NULL,
    tariff jsonb NOT NULL,
    PRIMARY KEY (city, id, version)
);

-- Offers; ids begin with their time, so that old ones are deleted by a range of the key.
CREATE TABLE quotes (
    id uuid PRIMARY KEY,
    account uuid NOT NULL,
    snapshot jsonb NOT NULL
);

-- One per booking: the tariff's snapshot, the ride's own facts, and what they came to.
CREATE TABLE charges (
    booking uuid PRIMARY KEY,
    rider uuid NOT NULL,
    city text NOT NULL,
    total bigint NOT NULL,
    currency text NOT NULL,
    tariff jsonb NOT NULL,
    usage jsonb NOT NULL,
    charge jsonb NOT NULL,
    at timestamptz NOT NULL
);
