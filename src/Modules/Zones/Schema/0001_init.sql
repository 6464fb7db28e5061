-- Cities, their zones and bays. A zone or bay that changes gets a new version; what held at an instant stays known, since a fine cites it.
CREATE TABLE cities (
    id               text PRIMARY KEY,
    version          integer NOT NULL,
    name             text NOT NULL,
    time_zone        text NOT NULL,
    currency         text NOT NULL,
    language         text NOT NULL,
    center_lat       double precision NOT NULL,
    center_lon       double precision NOT NULL,
    vat_basis_points integer NOT NULL,
    global_rules     jsonb NOT NULL,
    revision         bigint NOT NULL -- grows with every change of the city, a zone or a bay; caches compare it
);

CREATE TABLE zones (
    city        text NOT NULL REFERENCES cities (id),
    id          text NOT NULL,
    version     integer NOT NULL,
    precedence  integer NOT NULL, -- lower wins
    name        text NOT NULL,
    kind        text NOT NULL,
    area        jsonb NOT NULL, -- coordinates of a GeoJSON MultiPolygon
    rules       jsonb NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz,
    PRIMARY KEY (city, id, version),
    CHECK (valid_until >= valid_from)
);
CREATE UNIQUE INDEX zones_current ON zones (city, id) WHERE valid_until IS NULL;

CREATE TABLE bays (
    city          text NOT NULL REFERENCES cities (id),
    id            text NOT NULL,
    version       integer NOT NULL,
    name          text NOT NULL,
    kind          text NOT NULL,
    lat           double precision NOT NULL,
    lon           double precision NOT NULL,
    cell          bigint NOT NULL, -- Mobility.Geo.GridCell
    capacity      integer NOT NULL,
    vehicle_kinds jsonb NOT NULL,
    valid_from    timestamptz NOT NULL,
    valid_until   timestamptz,
    PRIMARY KEY (city, id, version),
    CHECK (valid_until >= valid_from)
);
CREATE UNIQUE INDEX bays_current ON bays (city, id) WHERE valid_until IS NULL;
CREATE INDEX bays_current_cell ON bays (city, cell) WHERE valid_until IS NULL;
