-- What the watch has made of each vehicle: where its zones were decided, and what is wrong with it now.
CREATE TABLE vehicle_watch (
    vehicle     uuid PRIMARY KEY,
    version     int NOT NULL,
    at          timestamptz NOT NULL, -- the vehicle's clock
    lat         double precision NOT NULL, -- the place at which its zones were decided
    lon         double precision NOT NULL,
    low_battery boolean NOT NULL,
    outside     boolean NOT NULL,
    silent      boolean NOT NULL
) WITH (fillfactor = 60);

-- What was or is wrong with vehicles, for operators. A moment is cleared when it is raised.
CREATE TABLE alerts (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle    uuid NOT NULL,
    kind       text NOT NULL,
    raised_at  timestamptz NOT NULL,
    cleared_at timestamptz,
    lat        double precision,
    lon        double precision
);
CREATE UNIQUE INDEX alerts_open ON alerts (vehicle, kind) WHERE cleared_at IS NULL;
CREATE INDEX last_reports_received ON last_reports (received_at);
