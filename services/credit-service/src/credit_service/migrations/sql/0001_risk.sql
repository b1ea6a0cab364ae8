-- Risk, statistics and automatic limits (spec 1.5-1.7, 1.11, 1.19, 2.9, 2.10, 2.13).
-- Keys of rows per customer begin with the customer, as those of the receivables kernel do.

-- What scoring reads of a profile.
ALTER TABLE credit_profile
    ADD COLUMN IF NOT EXISTS credit_management_group text,
    ADD COLUMN IF NOT EXISTS account_status text,
    ADD COLUMN IF NOT EXISTS business_started_date date,
    ADD COLUMN IF NOT EXISTS customer_since_date date;

-- `decimals`: those that the bounds of its lines have; a value is rounded to them before it is compared.
CREATE TABLE scoring_group (
    company text NOT NULL,
    id text NOT NULL,
    description text NOT NULL,
    group_type text NOT NULL CHECK (group_type IN ('user', 'average_payment_days', 'customer_since',
        'in_business_since', 'dso', 'average_balance', 'credit_management_group', 'account_status', 'country')),
    score_type text NOT NULL CHECK (score_type IN ('range', 'list')),
    decimals smallint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (company, id)
);

CREATE TABLE scoring_group_line (
    company text NOT NULL,
    scoring_group text NOT NULL,
    line_no smallint NOT NULL,
    from_value numeric,
    to_value numeric,
    value text,
    score numeric NOT NULL,
    PRIMARY KEY (scoring_group, company, line_no),
    CHECK ((value IS NULL) = (from_value IS NOT NULL) AND (from_value IS NULL) = (to_value IS NULL)),
    CHECK (from_value <= to_value)
);

CREATE TABLE risk_group (
    company text NOT NULL,
    id text NOT NULL,
    description text NOT NULL,
    score_from numeric NOT NULL,
    score_to numeric NOT NULL,
    indicator text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (company, id),
    CHECK (score_from <= score_to)
);

-- Typed values of user groups have a version; those of all other groups are written by the update of scores.
CREATE TABLE customer_risk_value (
    company text NOT NULL,
    customer text NOT NULL,
    scoring_group text NOT NULL,
    value text,
    numeric_value numeric,
    is_numeric boolean NOT NULL GENERATED ALWAYS AS (numeric_value IS NOT NULL) STORED,
    score numeric NOT NULL,
    calculated_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (customer, company, scoring_group)
);
CREATE INDEX customer_risk_value_group ON customer_risk_value (scoring_group, company);
COMMENT ON COLUMN customer_risk_value.calculated_at IS 'When value or score last changed';

CREATE TABLE customer_risk (
    company text NOT NULL,
    customer text NOT NULL,
    risk_score numeric NOT NULL,
    risk_group text,
    calculated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (customer, company)
);
CREATE INDEX customer_risk_class ON customer_risk (company, risk_group, customer);
COMMENT ON COLUMN customer_risk.risk_group IS 'Class whose range holds the rounded score; NULL is unclassified';
COMMENT ON COLUMN customer_risk.calculated_at IS 'When score or class last changed';

-- Every change of score or class. `as_of`: the business date that it was scored for.
CREATE TABLE customer_risk_history (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    as_of date NOT NULL,
    company text NOT NULL,
    customer text NOT NULL,
    version bigint NOT NULL,
    risk_score numeric NOT NULL,
    risk_group text,
    former_risk_score numeric,
    former_risk_group text,
    who text NOT NULL,
    PRIMARY KEY (customer, company, id)
);

CREATE TABLE customer_revenue (
    company text NOT NULL,
    customer text NOT NULL,
    period_end date NOT NULL,
    revenue numeric NOT NULL,
    currency text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (customer, company, period_end)
);

CREATE TABLE automatic_limit_rule (
    company text NOT NULL,
    risk_group text NOT NULL,
    currency text NOT NULL,
    max_revenue numeric,
    choice text NOT NULL CHECK (choice IN ('highest', 'lowest', 'first')),
    version bigint NOT NULL,
    PRIMARY KEY (company, risk_group, currency)
);
COMMENT ON COLUMN automatic_limit_rule.max_revenue IS 'In currency; NULL or 0 is no test';

-- `comparison_number` where the scoring group's values are numbers; else the text is compared.
CREATE TABLE automatic_limit_line (
    company text NOT NULL,
    risk_group text NOT NULL,
    currency text NOT NULL,
    line_no smallint NOT NULL,
    scoring_group text NOT NULL,
    operator text NOT NULL CHECK (operator IN ('=', '<>', '<', '<=', '>', '>=')),
    comparison_value text NOT NULL,
    comparison_number numeric,
    credit_limit numeric NOT NULL CHECK (credit_limit >= 0),
    PRIMARY KEY (company, risk_group, currency, line_no)
);
CREATE INDEX automatic_limit_line_group ON automatic_limit_line (scoring_group, company);

CREATE TABLE statistics_parameters (
    company text PRIMARY KEY,
    dso_1 smallint NOT NULL,
    dso_2 smallint NOT NULL,
    average_balance_1 smallint NOT NULL,
    average_balance_2 smallint NOT NULL,
    average_credit_limit_pct smallint NOT NULL,
    average_exposure_pct smallint NOT NULL,
    statistics_for_zero_balance_customers boolean NOT NULL,
    keep_months smallint NOT NULL,
    version bigint NOT NULL
);

-- Amounts in company currency. `credit_limit`: the tightest of those that governed; NULL: unlimited, or a rate lacked.
-- `exposure_value`: the own limit without flagged policies. `exposure` NULL: not known for that day.
CREATE TABLE balance_stat (
    company text NOT NULL,
    customer text NOT NULL,
    stat_date date NOT NULL,
    balance numeric NOT NULL,
    credit_limit numeric,
    exposure_value numeric,
    exposure numeric,
    PRIMARY KEY (customer, company, stat_date)
);
CREATE INDEX balance_stat_age ON balance_stat (company, stat_date);

CREATE TABLE customer_statistics (
    company text NOT NULL,
    customer text NOT NULL,
    as_of date NOT NULL,
    dso_1 numeric,
    dso_2 numeric,
    dso_12 numeric,
    average_payment_days numeric,
    average_days_late numeric,
    average_balance_1 numeric,
    average_balance_2 numeric,
    average_balance_12 numeric,
    average_credit_limit_pct numeric,
    average_exposure_pct numeric,
    highest_balance numeric,
    highest_balance_date date,
    calculated_at timestamptz NOT NULL,
    PRIMARY KEY (customer, company)
);

COMMENT ON COLUMN customer_statistics.average_days_late IS
    'Mean of payment date less due date of what was settled, days; below 0 for who pays early';

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
    made text,
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
COMMENT ON COLUMN task_run.made IS 'What the run has made, such as the number of a journal';
