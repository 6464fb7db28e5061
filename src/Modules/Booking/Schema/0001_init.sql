-- Law 1: one vehicle, one holder. A row here is a vehicle that is kept for a rider, now or in a window to come; it is deleted when the booking is over.
-- Small and hot: vacuum it early, so that the dead entries of a vehicle that is booked often do not slow down its next booking.
CREATE TABLE holds (
    booking_id uuid PRIMARY KEY,
    vehicle_id uuid NOT NULL,
    rider_id uuid NOT NULL,
    group_id uuid NOT NULL,
    period tstzrange NOT NULL CHECK (NOT isempty(period)),
    CONSTRAINT holds_one_per_vehicle EXCLUDE USING gist (vehicle_id WITH =, period WITH &&),
    CONSTRAINT holds_one_per_rider EXCLUDE USING gist (rider_id WITH =, group_id WITH <>, period WITH &&)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);

-- What riders and staff list. The fill factor leaves room on each page, so that the changes of a phase touch no index.
CREATE TABLE bookings (
    booking_id uuid PRIMARY KEY,
    rider_id uuid NOT NULL,
    group_id uuid NOT NULL,
    vehicle_id uuid NOT NULL,
    city_id text NOT NULL,
    kind text NOT NULL,
    phase text NOT NULL,
    reserved_at timestamptz NOT NULL,
    from_at timestamptz NOT NULL,
    window_end timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    freed_at timestamptz,
    release_reason text,
    fee_due boolean NOT NULL DEFAULT false,
    distance_meters bigint,
    charged bigint,
    currency text,
    invoice_number text
) WITH (fillfactor = 70);
CREATE INDEX bookings_of_rider ON bookings (rider_id, booking_id);

-- Completed rides; follows the events with a lag that is visible.
CREATE TABLE trips (
    booking_id uuid PRIMARY KEY,
    rider_id uuid NOT NULL,
    vehicle_id uuid NOT NULL,
    city_id text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    distance_meters bigint NOT NULL,
    charged bigint,
    currency text
);
CREATE INDEX trips_of_rider ON trips (rider_id, booking_id);
