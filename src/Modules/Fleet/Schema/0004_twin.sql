-- What we want of a vehicle and what it says it is. One that is to be disabled, or says that it is, is not rented out; an expression of a computed column cannot
-- be changed, so the column comes anew.
ALTER TABLE vehicles DROP COLUMN rentable;
ALTER TABLE vehicles
    ADD COLUMN desired_disabled boolean NOT NULL DEFAULT false,
    ADD COLUMN desired_limit_kph int,
    ADD COLUMN reported_disabled boolean NOT NULL DEFAULT false,
    ADD COLUMN reported_limit_kph int,
    ADD COLUMN agent_version text,
    ADD COLUMN firmware_version bigint,
    ADD COLUMN twin_reported_at timestamptz,
    ADD COLUMN rentable boolean NOT NULL
        GENERATED ALWAYS AS (phase = 'active' AND state = 'available' AND soc >= min_soc AND NOT desired_disabled AND NOT reported_disabled) STORED;
CREATE INDEX vehicles_rentable ON vehicles (cell) WHERE rentable;
