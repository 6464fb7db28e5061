-- Vehicles of which Fleet waits to hear that they stand, and since when their newest reports say so.
CREATE TABLE standstills_awaited (
    vehicle      uuid PRIMARY KEY,
    command      uuid NOT NULL,
    stands_for   interval NOT NULL,
    until        timestamptz NOT NULL,
    looked_at    timestamptz, -- the report that was looked at last, by the vehicle's clock
    stands_since timestamptz
);
