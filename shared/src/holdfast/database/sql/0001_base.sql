-- Shared by every service database: the simulated clock and the jobs.

CREATE TABLE business_clock (
    id           integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    simulated_at timestamptz
);
COMMENT ON TABLE business_clock IS 'One row at most: business time of a demo or scenario; no row or null is real time';

CREATE TABLE job (
    name       text PRIMARY KEY,
    due_at     timestamptz NOT NULL,
    runs       bigint NOT NULL DEFAULT 0,
    failures   integer NOT NULL DEFAULT 0,
    last_run   timestamptz,
    last_error text
);
COMMENT ON TABLE job IS 'Periodic work; a run is claimed by locking its row, so that each run happens once';
COMMENT ON COLUMN job.failures IS 'Failed runs since the last success; the pause before the next try grows with it';
CREATE INDEX job_due ON job (due_at);
