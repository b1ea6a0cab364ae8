CREATE TABLE profile (
    company text NOT NULL,
    customer text NOT NULL,
    version bigint NOT NULL,
    currency text NOT NULL,
    credit_limit numeric NOT NULL,
    credit_limit_expiry_date date,
    mandatory boolean NOT NULL,
    unlimited boolean NOT NULL,
    excluded boolean NOT NULL,
    PRIMARY KEY (company, customer)
);
COMMENT ON TABLE profile IS 'Our copy of what credit-service decided about a customer';

CREATE TABLE rule (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    kind text NOT NULL,
    rule_type text NOT NULL,
    valid_for text NOT NULL,
    value numeric NOT NULL,
    active_from date,
    active_to date,
    enabled boolean NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX rule_of_company ON rule (company, id);

CREATE TABLE checkpoint (
    company text NOT NULL,
    document text NOT NULL,
    check_on_posting boolean NOT NULL,
    check_on_proforma boolean NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (company, document)
);

CREATE TABLE decision (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    customer text NOT NULL,
    order_no text NOT NULL,
    checkpoint text NOT NULL,
    attempt text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('cleared', 'held', 'released')),
    check_date date NOT NULL,
    decided_at timestamptz NOT NULL,
    hold_id bigint,
    answer jsonb NOT NULL,
    picture jsonb NOT NULL
);
CREATE UNIQUE INDEX decision_attempt ON decision (company, order_no, checkpoint, attempt) WHERE outcome <> 'released';
CREATE INDEX decision_age ON decision (decided_at);

CREATE TABLE hold (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company text NOT NULL,
    customer text NOT NULL,
    order_no text NOT NULL,
    order_version bigint NOT NULL,
    order_currency text NOT NULL,
    order_total numeric NOT NULL,
    order_created_at timestamptz NOT NULL,
    checkpoint text NOT NULL,
    attempt text NOT NULL,
    proforma boolean NOT NULL,
    active boolean NOT NULL DEFAULT true,
    held_at timestamptz NOT NULL,
    decision uuid NOT NULL,
    posting_request jsonb,
    previous_hold bigint,
    review_date date,
    notes text NOT NULL DEFAULT '',
    closed_at timestamptz,
    closed_as text CHECK (closed_as IN ('released', 'cancelled', 'rejected')),
    closed_by text,
    release_mode text,
    release_reason text,
    triggers text[] NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX hold_one_active ON hold (company, order_no) WHERE active;
CREATE INDEX hold_active_of_customer ON hold (company, customer, id) WHERE active;
CREATE INDEX hold_of_order ON hold (company, order_no, id);
CREATE INDEX hold_list ON hold (held_at, id);

CREATE TABLE hold_reason (
    hold_id bigint NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    reason text NOT NULL,
    active boolean NOT NULL,
    first_seen timestamptz NOT NULL,
    cleared_at timestamptz,
    explanation text NOT NULL,
    PRIMARY KEY (hold_id, reason)
);

-- After a release the document that was held goes through once, up to the released value (spec 3.7).
CREATE TABLE admission (
    company text NOT NULL,
    order_no text NOT NULL,
    checkpoint text NOT NULL,
    currency text NOT NULL,
    total numeric NOT NULL,
    hold_id bigint NOT NULL,
    PRIMARY KEY (company, order_no, checkpoint)
);

-- Customers whose held orders are to be decided again; written under the lock on their account.
CREATE TABLE recheck_due (
    company text NOT NULL,
    customer text NOT NULL,
    due_at timestamptz NOT NULL,
    triggers text[] NOT NULL,
    PRIMARY KEY (company, customer)
);
CREATE INDEX recheck_due_order ON recheck_due (due_at, company, customer);
