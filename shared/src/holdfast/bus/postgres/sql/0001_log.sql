-- The bus as an append-only log. Offsets of a partition are handed out under its row lock, which is held to the
-- commit: they become visible in order, and a reader never passes over a transaction that commits late.

-- largest: bytes of the largest value that came together with one of this partition.
CREATE TABLE IF NOT EXISTS bus_partition (
    topic        text COLLATE "C" NOT NULL,
    part         integer NOT NULL,
    first_offset bigint NOT NULL DEFAULT 0,
    next_offset  bigint NOT NULL DEFAULT 0,
    compacted_to bigint NOT NULL DEFAULT 0,
    largest      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, part)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE IF NOT EXISTS bus_log (
    topic        text COLLATE "C" NOT NULL,
    part         integer NOT NULL,
    "offset"     bigint NOT NULL,
    key          text,
    headers      text NOT NULL,
    value        bytea,
    timestamp_ms bigint NOT NULL,
    PRIMARY KEY (topic, part, "offset")
);
ALTER TABLE bus_log ALTER COLUMN value SET STORAGE EXTERNAL;

CREATE TABLE IF NOT EXISTS bus_group (
    "group"    text PRIMARY KEY,
    generation bigint NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS bus_member (
    "group"       text NOT NULL REFERENCES bus_group,
    member        text NOT NULL,
    joined        bigint GENERATED ALWAYS AS IDENTITY,
    topics        text[] NOT NULL,
    backend_pid   integer NOT NULL,
    backend_start timestamptz NOT NULL,
    heartbeat_at  timestamptz NOT NULL,
    PRIMARY KEY ("group", member)
);

-- next_offset: how far the owner says it is, for lag tools only.
CREATE TABLE IF NOT EXISTS bus_lease (
    "group"     text NOT NULL,
    topic       text COLLATE "C" NOT NULL,
    part        integer NOT NULL,
    member      text NOT NULL,
    generation  bigint NOT NULL,
    next_offset bigint,
    PRIMARY KEY ("group", topic, part),
    FOREIGN KEY ("group", member) REFERENCES bus_member ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS bus_lease_member ON bus_lease ("group", member);

-- Appends a batch and answers the first offset of each partition named. The partitions are distinct and sorted,
-- so that two batches lock them in the same order. `slots` says for each record which of them it belongs to (from
-- 1), `ranks` its place among the batch's records there (from 0).
CREATE OR REPLACE FUNCTION bus_append(
    topics text[], parts integer[], counts integer[],
    slots integer[], ranks integer[], keys text[], heads text[], bodies bytea[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    bases bigint[];
    base  bigint;
    stamp bigint;
    bytes integer := (SELECT coalesce(max(octet_length(b)), 0) FROM unnest(bodies) AS b);
BEGIN
    FOR i IN 1 .. cardinality(topics) LOOP
        UPDATE bus_partition SET next_offset = next_offset + counts[i], largest = greatest(largest, bytes)
         WHERE topic = topics[i] AND part = parts[i]
        RETURNING next_offset - counts[i] INTO base;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = topics[i];
        END IF;
        bases[i] := base;
    END LOOP;
    stamp := extract(epoch FROM clock_timestamp()) * 1000;
    INSERT INTO bus_log (topic, part, "offset", key, headers, value, timestamp_ms)
    SELECT topics[r.slot], parts[r.slot], bases[r.slot] + r.rank, r.key, r.headers, r.value, stamp
      FROM unnest(slots, ranks, keys, heads, bodies) AS r (slot, rank, key, headers, value);
    PERFORM pg_notify('holdfast_bus', CASE WHEN cardinality(topics) > 100 THEN '' ELSE (
        SELECT string_agg(t || '/' || p, ',') FROM unnest(topics, parts) AS w (t, p)) END);
    RETURN bases;
END
$$;
