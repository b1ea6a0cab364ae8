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
    temporary_limits jsonb NOT NULL DEFAULT '[]',
    policies jsonb NOT NULL DEFAULT '[]',
    account_status text,
    hold_effect text NOT NULL DEFAULT 'no',
    credit_management_group text,
    risk_group text,
    ignore_until_date date,
    next_review_date date,
    average_days_late numeric,
    PRIMARY KEY (company, customer)
);
COMMENT ON TABLE profile IS 'Our copy of what credit-service decided about a customer';

-- Groups that share a limit. The row is the lock of the group: taken before the accounts of its members. Whoever takes it
-- gives it a new stamp: who knows the members' figures as of a stamp need not read them again while it stands.
CREATE TABLE credit_group (
    group_id text PRIMARY KEY,
    version bigint NOT NULL,
    currency text NOT NULL,
    credit_limit numeric NOT NULL,
    expiry_date date NOT NULL,
    check_member_overdue boolean NOT NULL,
    temporary_limits jsonb NOT NULL,
    deleted boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    stamp uuid NOT NULL DEFAULT gen_random_uuid()
) WITH (fillfactor = 50);
CREATE TABLE credit_group_member (
    company text NOT NULL,
    customer text NOT NULL,
    group_id text NOT NULL,
    PRIMARY KEY (customer, company, group_id)
);
CREATE INDEX credit_group_member_group ON credit_group_member (group_id, customer, company);

-- Where a customer stands with the other services, recomputed from what they said: `promise`, `block_request`.
CREATE TABLE standing (
    company text NOT NULL,
    customer text NOT NULL,
    dunning_level integer NOT NULL DEFAULT 0,
    dunning_sequence bigint NOT NULL DEFAULT 0,
    broken_promises integer NOT NULL DEFAULT 0,
    block_effect text NOT NULL DEFAULT 'no',
    block_reason text NOT NULL DEFAULT '',
    risk_group text,
    risk_version bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (customer, company)
);
CREATE TABLE promise (
    company text NOT NULL,
    customer text NOT NULL,
    promise text NOT NULL,
    sequence bigint NOT NULL,
    broken boolean NOT NULL,
    PRIMARY KEY (customer, company, promise)
);
CREATE TABLE block_request (
    company text NOT NULL,
    customer text NOT NULL,
    request text NOT NULL,
    sequence bigint NOT NULL,
    effect text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (customer, company, request)
);

-- What a company has set up. Its `setup` row gets a new stamp with every change, whoever makes it: a process that
-- knows a stamp knows the rules, checkpoints, rankings and parameters of that moment and need not read them. Whoever
-- decides that an order stays held shares the row until the commit: a change either sees the hold or is seen.
CREATE TABLE setup (
    company text PRIMARY KEY,
    stamp uuid NOT NULL
);
CREATE FUNCTION stamp_setup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO setup (company, stamp) SELECT c.company, gen_random_uuid()
    FROM (SELECT DISTINCT company FROM changed ORDER BY company) c
    ON CONFLICT (company) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END $$;

CREATE TABLE setup_version (
    stamp uuid PRIMARY KEY,
    company text NOT NULL,
    content jsonb NOT NULL
);
COMMENT ON TABLE setup_version IS 'Set-ups that decisions were made with, so that they can be told later';

CREATE TABLE rule (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    kind text NOT NULL,
    rule_type text NOT NULL,
    valid_for text NOT NULL,
    account_or_group text,
    risk_group text,
    value numeric NOT NULL DEFAULT 0,
    value_type text,
    currency text,
    threshold_percent numeric,
    account_status text,
    payment_term text,
    release_sales_order boolean NOT NULL DEFAULT false,
    outcome text NOT NULL DEFAULT 'block',
    checkpoints text[] NOT NULL DEFAULT '{}',
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
    grace_days integer NOT NULL DEFAULT 0,
    PRIMARY KEY (company, document)
);

CREATE TABLE ranking (
    company text NOT NULL,
    subject text NOT NULL CHECK (subject IN ('payment_terms', 'cash_discounts')),
    version bigint NOT NULL,
    ranks jsonb NOT NULL,
    PRIMARY KEY (company, subject)
);
COMMENT ON TABLE ranking IS 'Code to rank; only the order of the numbers matters (spec 1.13)';

CREATE TABLE parameters (
    company text PRIMARY KEY,
    version bigint NOT NULL,
    settings jsonb NOT NULL
);
COMMENT ON TABLE parameters IS 'Parameters of credit holds that differ from their defaults (spec 1.20)';

CREATE TABLE credit_parameters (
    company text PRIMARY KEY,
    version bigint NOT NULL,
    settings jsonb NOT NULL
);
COMMENT ON TABLE credit_parameters IS 'Our copy of the parameters of credit-service';

CREATE TRIGGER rule_insert AFTER INSERT ON rule REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER rule_update AFTER UPDATE ON rule REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER rule_delete AFTER DELETE ON rule REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER checkpoint_insert AFTER INSERT ON checkpoint REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER checkpoint_update AFTER UPDATE ON checkpoint REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER checkpoint_delete AFTER DELETE ON checkpoint REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER ranking_insert AFTER INSERT ON ranking REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER ranking_update AFTER UPDATE ON ranking REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER ranking_delete AFTER DELETE ON ranking REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER parameters_insert AFTER INSERT ON parameters REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER parameters_update AFTER UPDATE ON parameters REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER parameters_delete AFTER DELETE ON parameters REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER credit_parameters_insert AFTER INSERT ON credit_parameters REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER credit_parameters_update AFTER UPDATE ON credit_parameters REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER credit_parameters_delete AFTER DELETE ON credit_parameters REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER company_insert AFTER INSERT ON company REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();
CREATE TRIGGER company_update AFTER UPDATE ON company REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_setup();

-- One row, with a new stamp after every change of exchange rates.
CREATE TABLE rate_stamp (
    id integer PRIMARY KEY CHECK (id = 1),
    stamp uuid NOT NULL
);
INSERT INTO rate_stamp VALUES (1, gen_random_uuid());
CREATE FUNCTION stamp_rates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rate_stamp SET stamp = gen_random_uuid();
    RETURN NULL;
END $$;
CREATE TRIGGER exchange_rate_changed AFTER INSERT OR UPDATE OR DELETE ON exchange_rate
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_rates();

CREATE TABLE decision (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    customer text NOT NULL,
    order_no text NOT NULL,
    checkpoint text NOT NULL,
    attempt text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('cleared', 'held', 'released', 'rechecked')),
    check_date date NOT NULL,
    decided_at timestamptz NOT NULL,
    hold_id bigint,
    answer json NOT NULL,
    picture json NOT NULL
) WITH (toast_tuple_target = 8160);
COMMENT ON TABLE decision IS 'Written once for each check and seldom read: neither parsed nor compressed';
CREATE UNIQUE INDEX decision_attempt ON decision (order_no, company, checkpoint, attempt)
    WHERE outcome IN ('cleared', 'held');
CREATE INDEX decision_age ON decision (decided_at, id);

-- `payment_terms`, `cash_discount` and `order_excluded` are what the last attempt said; null where it said nothing and
-- the order's state counts. `checkpoint`, `attempt` and `posting_request` are of the document that waits.
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
    payment_terms text,
    cash_discount text,
    order_excluded boolean,
    is_project boolean NOT NULL DEFAULT false,
    reserved_total numeric,
    previous_hold bigint,
    forced_reason text,
    review_date date,
    notes text NOT NULL DEFAULT '',
    lines jsonb NOT NULL DEFAULT '[]',
    attempted_at timestamptz,
    amount_changed boolean NOT NULL DEFAULT false,
    workflow_status text NOT NULL DEFAULT 'draft',
    approved uuid,
    escalations integer NOT NULL DEFAULT 0,
    escalated_at timestamptz,
    closed_at timestamptz,
    closed_as text CHECK (closed_as IN ('released', 'cancelled', 'rejected')),
    closed_by text,
    release_mode text,
    release_reason text,
    close_note text,
    released_amount numeric,
    released_lines integer[] NOT NULL DEFAULT '{}',
    valid_until date,
    triggers text[] NOT NULL DEFAULT '{}',
    freed_until bigint,
    version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX hold_one_active ON hold (order_no, company) WHERE active;
CREATE INDEX hold_active_of_customer ON hold (customer, company, id) WHERE active;
CREATE INDEX hold_of_order ON hold (order_no, company, id);
CREATE INDEX hold_list ON hold (held_at, id);

-- Payments, credit notes and settlements of `of_company` that came while orders of a customer were held, up to its
-- youngest hold then. A hold that a re-check has released (`freed_until`) was freed by those that came before that.
CREATE TABLE freeing (
    id bigint GENERATED ALWAYS AS IDENTITY,
    of_company text NOT NULL,
    name text NOT NULL,
    company text NOT NULL,
    customer text NOT NULL,
    last_hold bigint NOT NULL,
    PRIMARY KEY (name, of_company, id)
);

CREATE TABLE hold_reason (
    hold_id bigint NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    reason text NOT NULL,
    active boolean NOT NULL,
    first_seen timestamptz NOT NULL,
    cleared_at timestamptz,
    explanation text NOT NULL,
    PRIMARY KEY (hold_id, reason)
);
CREATE INDEX hold_reason_old_facts ON hold_reason (hold_id) WHERE active AND reason = 'facts_too_old';

-- After a release the document that was held goes through once, up to the released value (spec 3.7). A document may
-- have several beside each other, where each release was of other `lines`.
CREATE TABLE admission (
    hold_id bigint PRIMARY KEY,
    company text NOT NULL,
    customer text NOT NULL,
    order_no text NOT NULL,
    checkpoint text NOT NULL,
    currency text NOT NULL,
    total numeric NOT NULL,
    order_version bigint NOT NULL,
    lines integer[] NOT NULL,
    valid_until date
);
CREATE INDEX admission_of_order ON admission (order_no, company);
CREATE INDEX admission_of_customer ON admission (customer) INCLUDE (company, hold_id);

-- The last release of an order: until when no checkpoint checks it again, and up to what value (spec 3.6).
CREATE TABLE order_release (
    company text NOT NULL,
    order_no text NOT NULL,
    customer text NOT NULL,
    hold_id bigint NOT NULL,
    checkpoint text NOT NULL,
    released_on date NOT NULL,
    grace_until date,
    currency text NOT NULL,
    total numeric NOT NULL,
    payment_terms text,
    cash_discount text,
    capped boolean NOT NULL DEFAULT false,
    valid_until date,
    order_version bigint NOT NULL,
    PRIMARY KEY (order_no, company)
);
CREATE INDEX order_release_of_customer ON order_release (customer) INCLUDE (company, hold_id);
CREATE INDEX order_release_hold ON order_release (hold_id);

-- Customers whose held orders are to be decided again; written under the lock on their account. Of very many holds
-- those after (after_held_at, after_id) are left. What comes meanwhile begins with the oldest again (`restarts`), but
-- not for ever: then the pass goes on to its end, and is followed by another one (`again`).
CREATE TABLE recheck_due (
    company text NOT NULL,
    customer text NOT NULL,
    due_at timestamptz NOT NULL,
    triggers text[] NOT NULL,
    after_held_at timestamptz,
    after_id bigint,
    restarts integer NOT NULL DEFAULT 0,
    again boolean NOT NULL DEFAULT false,
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    PRIMARY KEY (company, customer)
);
CREATE INDEX recheck_due_order ON recheck_due (due_at, company, customer);

-- Runs that try a changed rule set on stored decisions; (after_at, after_id) is the last decision looked at.
CREATE TABLE what_if (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    rules jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done')),
    total bigint NOT NULL,
    looked_at bigint NOT NULL DEFAULT 0,
    tried bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    freed bigint NOT NULL DEFAULT 0,
    after_at timestamptz,
    after_id uuid,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX what_if_waiting ON what_if (asked_at, id) WHERE state <> 'done';

CREATE TABLE what_if_result (
    run uuid NOT NULL REFERENCES what_if (id) ON DELETE CASCADE,
    decision uuid NOT NULL,
    became text NOT NULL,
    reasons text[] NOT NULL,
    explanation text[] NOT NULL,
    PRIMARY KEY (run, decision)
);
