-- What a service keeps about the bus, in its own database and in the transactions of its own changes.

CREATE TABLE consumer_offset (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    fingerprint text,
    event_time timestamptz,
    fresh_at timestamptz,
    stopped text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);
COMMENT ON COLUMN consumer_offset.epoch IS 'Grows with each owner; a batch of an earlier owner is refused';
COMMENT ON COLUMN consumer_offset.fresh_at IS 'When the worker last saw that nothing was waiting in the log';
COMMENT ON COLUMN consumer_offset.fingerprint IS 'Hash of the last record handled: shows when a topic was recreated';

CREATE TABLE inbox (
    source text NOT NULL,
    id text NOT NULL,
    digest integer NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, id)
);
COMMENT ON COLUMN inbox.digest IS 'Checksum of type and key: tells a repeat from another event that was given the same id';
CREATE INDEX inbox_age ON inbox (received_at);

-- Columns id, aggregatetype, aggregateid, type, payload are named as Debezium's outbox router expects them.
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    payload text NOT NULL,
    lane smallint NOT NULL,
    sequence bigint NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    refused_at timestamptz,
    refusal text
);
COMMENT ON COLUMN outbox.aggregatetype IS 'the topic';
COMMENT ON COLUMN outbox.aggregateid IS 'the record key';
CREATE INDEX outbox_age ON outbox USING brin (created_at);
CREATE INDEX outbox_refused ON outbox (seq) WHERE refused_at IS NOT NULL;

-- What has not been published yet. A table of its own, so that publishing an event does not write all of it again.
CREATE TABLE outbox_unsent (
    seq bigint PRIMARY KEY,
    lane smallint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

CREATE TABLE outbox_sequence (
    topic text NOT NULL,
    key text NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (topic, key)
);

-- A key whose events wait behind one that could not be digested. The row is the lock of park, replay and unpark.
CREATE TABLE parked_key (
    topic text NOT NULL,
    key text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, key)
);

-- Whose figures are not to be trusted while a key is parked; `party` is `company/customer`.
CREATE TABLE parked_party (
    party text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (party, topic, key)
);
CREATE INDEX parked_party_key ON parked_party (topic, key);

CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('poison', 'behind', 'replayed', 'dropped', 'superseded')),
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key text,
    record_key text,
    event_source text,
    event_id text,
    event_type text,
    document text,
    version bigint,
    headers jsonb NOT NULL,
    value bytea,
    record_time_ms bigint NOT NULL,
    marked boolean NOT NULL,
    field text,
    shown text,
    reason text,
    remedy text,
    stack text,
    parked_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    note text
);
COMMENT ON COLUMN dead_letter.marked IS 'The inbox mark of its event was made for this record, none was for one that cannot be read';
CREATE INDEX dead_letter_waiting ON dead_letter (topic, key, id) WHERE state IN ('poison', 'behind');
CREATE INDEX dead_letter_event ON dead_letter (event_source, event_id) WHERE state IN ('poison', 'behind');
CREATE INDEX dead_letter_settled ON dead_letter (settled_at) WHERE settled_at IS NOT NULL;
