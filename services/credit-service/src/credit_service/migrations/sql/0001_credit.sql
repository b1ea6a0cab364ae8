CREATE TABLE credit_profile (
    company text NOT NULL,
    customer text NOT NULL,
    version bigint NOT NULL,
    currency text NOT NULL,
    credit_limit numeric NOT NULL DEFAULT 0 CHECK (credit_limit >= 0),
    customer_currency text,
    credit_limit_customer_currency numeric,
    credit_limit_date date,
    credit_limit_expiry_date date,
    mandatory_credit_limit boolean NOT NULL DEFAULT false,
    unlimited_credit boolean NOT NULL DEFAULT false,
    exclude_from_credit_management boolean NOT NULL DEFAULT false,
    ignore_until_date date,
    credit_management_group text,
    credit_rating text,
    account_status text,
    status_reason text,
    invoicing_delivery_on_hold text NOT NULL DEFAULT 'no'
        CHECK (invoicing_delivery_on_hold IN ('no', 'invoice', 'all')),
    eligible_credit_limit numeric NOT NULL DEFAULT 0,
    eligible_credit_limit_currency text,
    eligible_credit_limit_date date,
    last_review_date date,
    next_review_date date,
    with_agency boolean NOT NULL DEFAULT false,
    title_held boolean NOT NULL DEFAULT false,
    business_started_date date,
    customer_since_date date,
    collection_group text,
    notes text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    PRIMARY KEY (customer, company)
);
COMMENT ON COLUMN credit_profile.credit_limit IS 'Permanent limit in company currency; 0 means no credit';
CREATE INDEX credit_profile_list ON credit_profile (company, customer);
CREATE INDEX credit_profile_expiry ON credit_profile (credit_limit_expiry_date, company, customer)
    WHERE credit_limit_expiry_date IS NOT NULL;
CREATE INDEX credit_profile_review ON credit_profile (next_review_date, company, customer)
    WHERE next_review_date IS NOT NULL;

CREATE TABLE credit_limit_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    company text NOT NULL,
    customer text,
    credit_group text,
    field text NOT NULL,
    source text NOT NULL,
    who text NOT NULL,
    why text,
    old_limit numeric,
    new_limit numeric,
    valid_from date,
    valid_to date,
    old_value text,
    new_value text,
    CHECK (customer IS NOT NULL OR credit_group IS NOT NULL)
);
COMMENT ON COLUMN credit_limit_history.company IS 'Of the customer; of a change of a group the one that owns it';
COMMENT ON COLUMN credit_limit_history.field IS 'credit_limit, temporary_limit, credit_group (a membership), or a switch';
CREATE INDEX credit_limit_history_of ON credit_limit_history (customer, company, id);
CREATE INDEX credit_limit_history_of_group ON credit_limit_history (credit_group, id) WHERE credit_group IS NOT NULL;

CREATE TABLE credit_parameters (
    company text PRIMARY KEY,
    fields jsonb NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE master_data (
    list text NOT NULL,
    company text NOT NULL,
    id text NOT NULL,
    fields jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (list, company, id)
);

CREATE TABLE credit_policy (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    customer text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('insurance', 'guarantee')),
    type text NOT NULL,
    coverage_type text,
    insurer_guarantor text NOT NULL,
    identification text NOT NULL,
    effective_from date NOT NULL,
    expires_on date NOT NULL,
    value numeric NOT NULL,
    currency text NOT NULL,
    update_credit_limit_pct numeric NOT NULL,
    included_in_exposure boolean NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX credit_policy_of ON credit_policy (customer, company, expires_on);
CREATE INDEX credit_policy_expiry ON credit_policy (expires_on, id);

-- A credit group shares one limit among customers of any company; `owner_company` is whose workflow governs it.
CREATE TABLE credit_group (
    name text PRIMARY KEY,
    owner_company text NOT NULL,
    description text NOT NULL,
    currency text NOT NULL,
    credit_limit numeric NOT NULL,
    expiry_date date NOT NULL,
    check_member_overdue boolean NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE credit_group_member (
    company text NOT NULL,
    customer text NOT NULL,
    credit_group text NOT NULL REFERENCES credit_group (name),
    PRIMARY KEY (customer, company)
);
CREATE INDEX credit_group_members ON credit_group_member (credit_group, company, customer);

CREATE TABLE temporary_limit (
    id uuid PRIMARY KEY,
    company text,
    customer text,
    credit_group text REFERENCES credit_group (name),
    amount numeric NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL CHECK (to_date >= from_date),
    journal text NOT NULL,
    announced text NOT NULL DEFAULT 'no' CHECK (announced IN ('no', 'started', 'ended')),
    owner bigint NOT NULL GENERATED ALWAYS AS
        (hashtextextended(coalesce(company || '/' || customer, '//' || credit_group), 0)) STORED,
    CHECK ((customer IS NULL) <> (credit_group IS NULL)),
    CONSTRAINT temporary_limits_do_not_overlap EXCLUDE USING gist
        (int8range(owner, owner, '[]') WITH &&, daterange(from_date, to_date, '[]') WITH &&) DEFERRABLE
);
COMMENT ON COLUMN temporary_limit.owner IS 'Digest of the owner: ranges of numbers exclude one another without extension';
CREATE INDEX temporary_limit_of ON temporary_limit (customer, company, to_date) WHERE customer IS NOT NULL;
CREATE INDEX temporary_limit_of_group ON temporary_limit (credit_group, to_date) WHERE credit_group IS NOT NULL;
CREATE INDEX temporary_limit_end ON temporary_limit (to_date, id);
CREATE INDEX temporary_limit_to_announce ON temporary_limit (from_date, id) WHERE announced <> 'ended';
CREATE INDEX temporary_limit_of_journal ON temporary_limit (journal) WHERE announced = 'no';

-- What was announced of a date that falls due, so that it is announced once: `subject` is a policy, or ''.
CREATE TABLE credit_notice (
    kind text NOT NULL,
    company text NOT NULL,
    customer text NOT NULL,
    subject text NOT NULL,
    due_date date NOT NULL,
    announced_at timestamptz NOT NULL,
    PRIMARY KEY (customer, company, kind, subject, due_date)
);

-- Grows with every transaction that has recomputed the customer's figures, under the customer's lock.
ALTER TABLE account ADD COLUMN figures bigint NOT NULL DEFAULT 0;
-- The newest payment, whatever else a customer has.
CREATE INDEX document_payment ON document (customer, company, document_date, document)
    WHERE kind = 'payment' AND gone_date IS NULL;
-- Periodic tasks go through the customers of one company in order, past those of others.
CREATE INDEX account_list ON account (company, customer);

-- Where a customer stands in the lists of exposures, as computed from a state that the first columns name: a row counts
-- only while they are what is there now. Whoever finds another state computes the customer anew.
CREATE TABLE exposure_standing (
    company text NOT NULL,
    customer text NOT NULL,
    setting text NOT NULL,
    figures bigint NOT NULL,
    profile_version bigint NOT NULL,
    credit_group text NOT NULL,
    listed boolean NOT NULL,
    class smallint NOT NULL,
    used numeric NOT NULL,
    exposure numeric NOT NULL,
    uninsured numeric NOT NULL,
    owed numeric,
    uncovered numeric,
    PRIMARY KEY (customer, company)
);
COMMENT ON COLUMN exposure_standing.used IS 'Sort values are negated: the largest first';
COMMENT ON COLUMN exposure_standing.owed IS 'The exposure, whatever a credit group lacks; NULL when a rate lacks for it';

-- A control total of the ERP that our open items did not come to; `documents` are those that we had open then.
CREATE TABLE reconciliation_finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company text NOT NULL,
    customer text NOT NULL,
    currency text NOT NULL,
    as_of date NOT NULL,
    report_version bigint NOT NULL,
    reported numeric,
    computed numeric NOT NULL,
    documents jsonb NOT NULL,
    found_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE UNIQUE INDEX reconciliation_finding_open ON reconciliation_finding (customer, company, currency)
    WHERE closed_at IS NULL;

-- One row, with a new stamp after every change of exchange rates, for whatever is kept that was converted.
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
CREATE TRIGGER exchange_rate_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON exchange_rate
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_rates();

-- Fact boxes as they were shown last, with the state that they show: one counts only while the state is the same.
-- Whatever a crash takes of them is made anew.
CREATE UNLOGGED TABLE kept_fact_box (
    company text NOT NULL,
    customer text NOT NULL,
    state text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (customer, company)
);

-- Open requests by whom they concern, for those that lapse when it changes.
CREATE INDEX approval_of_customer ON approval ((proposal ->> 'customer'), company)
    WHERE state IN ('submitted', 'approval_pending', 'change_requested');
CREATE INDEX approval_of_member ON approval ((proposal -> 'member' ->> 'customer'))
    WHERE state IN ('submitted', 'approval_pending', 'change_requested');
CREATE INDEX approval_of_group ON approval ((proposal ->> 'group'))
    WHERE state IN ('submitted', 'approval_pending', 'change_requested');
CREATE INDEX approval_of_journal ON approval ((proposal ->> 'journal'))
    WHERE state IN ('submitted', 'approval_pending', 'change_requested') AND proposal ? 'journal'
      AND NOT proposal ? 'line';
CREATE INDEX approval_open_of_journal ON approval ((proposal ->> 'journal'))
    WHERE state IN ('submitted', 'approval_pending', 'change_requested') AND proposal ? 'journal';
