CREATE SEQUENCE adjustment_number;
CREATE TABLE adjustment_journal (
    number text PRIMARY KEY,
    company text NOT NULL,
    type text NOT NULL CHECK (type IN ('credit_limit', 'temporary_credit_limit')),
    description text NOT NULL,
    source text NOT NULL CHECK (source IN ('manual', 'generated', 'import', 'request', 'automatic_limits')),
    approval_status text NOT NULL DEFAULT 'draft',
    approved_on text,
    posted boolean NOT NULL DEFAULT false,
    posted_at timestamptz,
    posted_by text,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    authors text[] NOT NULL,
    version bigint NOT NULL
);
COMMENT ON COLUMN adjustment_journal.authors IS 'Whose doing it is: they do not approve it';
COMMENT ON COLUMN adjustment_journal.approved_on IS 'Digest of the lines and of the limits they were approved on';
CREATE INDEX adjustment_journal_list ON adjustment_journal (created_at, number);

-- Amounts in company currency, of groups in group currency. `current_*` is what was there when the line was made.
CREATE TABLE adjustment_line (
    journal text NOT NULL,
    line bigint NOT NULL,
    customer text,
    credit_group text,
    current_limit numeric NOT NULL,
    current_from date,
    current_to date,
    new_limit numeric NOT NULL CHECK (new_limit >= 0),
    new_from date,
    new_to date NOT NULL,
    replaces uuid,
    approval_status text NOT NULL DEFAULT 'draft',
    approved_on text,
    posted boolean NOT NULL DEFAULT false,
    basis json,
    PRIMARY KEY (journal, line),
    CHECK ((customer IS NULL) <> (credit_group IS NULL)),
    CHECK (new_to >= new_from)
);
COMMENT ON COLUMN adjustment_line.basis IS 'Rule, value and rate that an automatic limit was made from';
COMMENT ON COLUMN adjustment_line.journal IS
    'Number of a journal, which is locked by whoever writes its lines: a foreign key would check each of 100,000 anew';
CREATE INDEX adjustment_line_of ON adjustment_line (journal, customer);

-- Adjustments that are generated again and again. `next_on` NULL: no run is to come. `fields`: what its owner has set.
CREATE TABLE adjustment_schedule (
    company text NOT NULL,
    id text NOT NULL,
    enabled boolean NOT NULL,
    fields jsonb NOT NULL,
    next_on date,
    set_by text NOT NULL,
    version bigint NOT NULL,
    last_run_on date,
    last_journal text,
    last_lines bigint,
    PRIMARY KEY (company, id)
);
