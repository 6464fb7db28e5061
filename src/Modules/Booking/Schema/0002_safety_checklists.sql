-- Who confirmed which version of the safety checklist of a vehicle kind (requirement BKG-2).
CREATE TABLE safety_checklists (
    rider_id uuid NOT NULL,
    kind text NOT NULL,
    version int NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (rider_id, kind)
);
