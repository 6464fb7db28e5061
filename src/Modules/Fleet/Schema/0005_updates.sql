-- Keys of updates, apart from those of unlock tokens: whoever could sign the one could still not sign the other.
CREATE TABLE update_keys (LIKE signing_keys INCLUDING ALL);

-- Images that the platform hands out itself, by their hash. Stored as they are, so that a part is read without reading the whole.
CREATE TABLE update_images (
    sha256    bytea PRIMARY KEY,
    image     bytea NOT NULL,
    stored_at timestamptz NOT NULL
);
ALTER TABLE update_images ALTER COLUMN image SET STORAGE EXTERNAL;

CREATE TABLE update_releases (
    version      bigint PRIMARY KEY,
    sha256       bytea NOT NULL,
    size_bytes   bigint NOT NULL,
    url          text, -- null: one of update_images
    notes        text NOT NULL,
    published_at timestamptz NOT NULL,
    published_by text NOT NULL
);

-- Exact view of the rollout streams.
CREATE TABLE update_rollouts (
    id         uuid PRIMARY KEY,
    version    bigint NOT NULL,
    city       text, -- null: all
    type       text, -- null: all
    phase      text NOT NULL,
    percent    int NOT NULL, -- of the wave that is open
    vehicles   int NOT NULL,
    reason     text, -- why it was stopped
    started_at timestamptz NOT NULL,
    ended_at   timestamptz
);
-- One at a time: what is learned from a release would otherwise hang on another.
CREATE UNIQUE INDEX update_rollouts_running ON update_rollouts ((phase = 'running')) WHERE phase = 'running';

-- How far each vehicle of a rollout is. Not a view: that a vehicle is offered something is decided here and told on the bus in the same transaction.
CREATE TABLE rollout_vehicles (
    rollout    uuid NOT NULL,
    vehicle    uuid NOT NULL,
    place      int NOT NULL, -- from 1, by a hash of version and vehicle: a wave is the first so many
    state      text NOT NULL, -- chosen, offered, applied, failed, recalled, returned
    silent     boolean NOT NULL DEFAULT false, -- not heard of since it was offered the release
    reason     text,
    offered_at timestamptz,
    applied_at timestamptz, -- by our clock
    PRIMARY KEY (rollout, vehicle)
);
CREATE UNIQUE INDEX rollout_vehicles_place ON rollout_vehicles (rollout, place);
CREATE INDEX rollout_vehicles_vehicle ON rollout_vehicles (vehicle);
