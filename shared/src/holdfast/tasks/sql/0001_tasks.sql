-- A run of a periodic task. `after_customer`: the last customer that is done; NULL at the beginning.
CREATE TABLE task_run (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    task text NOT NULL,
    company text NOT NULL,
    as_of date NOT NULL,
    customers text[],
    options jsonb NOT NULL,
    after_customer text,
    state text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    processed bigint NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    incomplete bigint NOT NULL DEFAULT 0,
    problem text,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz
);
-- One run of a task at a time in a company.
CREATE UNIQUE INDEX task_run_open ON task_run (company, task) WHERE state = 'running';
CREATE INDEX task_run_next ON task_run (seq) WHERE state = 'running';
CREATE INDEX task_run_of_company ON task_run (company, task, seq);
CREATE UNIQUE INDEX task_run_scheduled ON task_run (company, task, as_of) WHERE started_by = 'schedule';
COMMENT ON COLUMN task_run.incomplete IS 'Customers with a figure left empty because an exchange rate is missing';
