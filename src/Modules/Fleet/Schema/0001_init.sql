-- What kinds of vehicle a city has, from its pack; a vehicle copies what it needs when it is registered.
CREATE TABLE vehicle_types (
    city text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    mode text NOT NULL,
    max_range_meters int NOT NULL,
    min_soc int NOT NULL,
    PRIMARY KEY (city, id)
);

-- Exact view of the vehicle streams.
CREATE TABLE vehicles (
    id uuid PRIMARY KEY,
    city text NOT NULL,
    label text NOT NULL,
    plate text,
    type text NOT NULL,
    kind text NOT NULL,
    mode text NOT NULL,
    phase text NOT NULL,
    state text NOT NULL,
    lat double precision NOT NULL,
    lon double precision NOT NULL,
    cell bigint NOT NULL,
    soc int NOT NULL CHECK (soc BETWEEN 0 AND 100),
    min_soc int NOT NULL,
    max_range_meters int NOT NULL,
    odometer_meters bigint NOT NULL,
    battery_pack text,
    updated_at timestamptz NOT NULL,
    range_meters int NOT NULL GENERATED ALWAYS AS ((max_range_meters::bigint * soc / 100)::int) STORED,
    rentable boolean NOT NULL GENERATED ALWAYS AS (phase = 'active' AND state = 'available' AND soc >= min_soc) STORED
) WITH (fillfactor = 80);
CREATE INDEX vehicles_rentable ON vehicles (cell) WHERE rentable;
CREATE INDEX vehicles_by_city ON vehicles (city, id);
