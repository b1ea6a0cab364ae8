-- The receivables kernel: facts of the ERP (design, section 3) and the figures that follow from them.
-- Keys and indexes begin with the column that tells rows apart and not with the company, of which there are few:
-- while a table has no statistics the planner may otherwise choose an index for its first column alone.
-- No foreign keys: facts come in any order, and what waits for another fact is a row with only a part known.

CREATE TABLE company (
    company text PRIMARY KEY,
    version bigint,
    name text,
    currency text,
    time_zone text,
    country text,
    exchange_rate_type text,
    live_version bigint,
    live boolean NOT NULL DEFAULT false,
    cut_over_date date
);

CREATE TABLE payment_terms (
    company text NOT NULL,
    code text NOT NULL,
    version bigint NOT NULL,
    description text NOT NULL,
    net_days integer NOT NULL,
    basis text NOT NULL,
    discount_percent numeric,
    discount_days integer,
    cash_on_delivery boolean NOT NULL,
    installments jsonb NOT NULL,
    PRIMARY KEY (code, company)
);

CREATE TABLE exchange_rate (
    rate_type text NOT NULL,
    from_currency text NOT NULL,
    to_currency text NOT NULL,
    valid_from date NOT NULL,
    rate numeric NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (rate_type, from_currency, to_currency, valid_from)
);

CREATE TABLE customer (
    company text NOT NULL,
    customer text NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    invoice_account text,
    currency text NOT NULL,
    payment_terms text,
    cash_discount text,
    customer_group text,
    blocked boolean NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (customer, company)
);

-- The lock row: everything that writes or decides on figures of a customer holds it, in sorted order.
CREATE TABLE account (
    company text NOT NULL,
    customer text NOT NULL,
    PRIMARY KEY (customer, company)
);

-- One row per ledger document. `version` NULL: only a settlement or a notice of it is known so far.
-- `former_*` is what the last change of the content replaced: whose figures changed as well.
-- The decimals of a currency (ISO 4217), as in holdfast.contracts.currencies; a test compares them.
CREATE FUNCTION minor_units(currency text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
                          'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
        WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
        WHEN currency IN ('CLF', 'UYW', 'XAG', 'XAU', 'XBA', 'XBB', 'XBC', 'XBD', 'XDR', 'XPD', 'XPT', 'XSU',
                          'XTS', 'XUA', 'XXX') THEN 4
        ELSE 2 END
$$;

CREATE TABLE document (
    company text NOT NULL,
    document text NOT NULL,
    version bigint,
    customer text,
    kind text,
    currency text,
    amount numeric,
    document_date date,
    due_date date,
    order_no text,
    payment_terms text,
    cancellation_version bigint,
    cancellation_date date,
    return_version bigint,
    return_date date,
    dispute_version bigint,
    disputed boolean,
    dispute_date date,
    disputed_amount numeric,
    hold_version bigint,
    on_hold boolean,
    hold_date date,
    former_customer text,
    former_order text,
    is_debit boolean GENERATED ALWAYS AS (kind NOT IN ('payment', 'credit_note')) STORED,
    gone_date date GENERATED ALWAYS AS (least(cancellation_date, return_date)) STORED,
    open_amount numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (document, company)
);
-- Serves both the balance of a customer and, as a range of due dates, what of it is overdue.
CREATE INDEX document_open ON document (customer, company, is_debit, due_date)
    INCLUDE (currency, open_amount) WHERE open_amount <> 0;
CREATE INDEX document_disputed ON document (customer, company)
    INCLUDE (currency, open_amount, disputed_amount) WHERE disputed AND is_debit AND open_amount > 0;
CREATE INDEX document_of_customer ON document (customer, company, document_date);
CREATE INDEX document_of_order ON document (order_no, company)
    INCLUDE (currency, amount) WHERE order_no IS NOT NULL;
CREATE INDEX document_unknown ON document (document, company) WHERE version IS NULL;

-- Shares of an invoice that bills several orders; one that bills a single order names it in `order_no`.
CREATE TABLE document_order (
    company text NOT NULL,
    order_no text NOT NULL,
    document text NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (order_no, company, document)
);
CREATE INDEX document_order_document ON document_order (document, company);

-- A credit closes part of a debit. `origin` is the payment whose application it is, or '' when the settlement
-- was posted by itself; one posted by itself replaces applications of the same number.
CREATE TABLE settlement (
    company text NOT NULL,
    settlement text NOT NULL,
    origin text NOT NULL,
    version bigint NOT NULL,
    debit_document text NOT NULL,
    credit_document text NOT NULL,
    debit_amount numeric NOT NULL,
    credit_amount numeric NOT NULL,
    settlement_date date NOT NULL,
    former_debit text,
    former_credit text,
    PRIMARY KEY (settlement, company, origin)
);
CREATE INDEX settlement_debit ON settlement (debit_document, company);
CREATE INDEX settlement_credit ON settlement (credit_document, company);
CREATE INDEX settlement_origin ON settlement (origin, company) WHERE origin <> '';

CREATE TABLE settlement_reversal (
    company text NOT NULL,
    settlement text NOT NULL,
    version bigint NOT NULL,
    reversal_date date NOT NULL,
    PRIMARY KEY (settlement, company)
);

-- Settlements that count for something unless reversed: those replaced by one of the same number are left out.
CREATE VIEW effective_settlement AS
SELECT s.company, s.settlement, s.debit_document, s.credit_document, s.debit_amount, s.credit_amount,
       s.settlement_date, r.reversal_date
FROM settlement s
LEFT JOIN settlement_reversal r ON r.company = s.company AND r.settlement = s.settlement
WHERE s.origin = '' OR NOT EXISTS (
    SELECT FROM settlement o
    WHERE o.company = s.company AND o.settlement = s.settlement AND o.origin = '');

-- Open items of a customer, added up per document currency; recomputed, never incremented. `overdue`: open debits that
-- were past due on the day `overdue_on`; `next_due_date`: the earliest due date of the others. What falls due later is
-- added when it is read: a customer's open items are not read one by one for each check.
CREATE TABLE balance (
    company text NOT NULL,
    customer text NOT NULL,
    currency text NOT NULL,
    open_debits numeric NOT NULL,
    open_credits numeric NOT NULL,
    balance numeric NOT NULL,
    debit_count integer NOT NULL,
    credit_count integer NOT NULL,
    oldest_due_date date,
    overdue_on date NOT NULL DEFAULT '-infinity',
    overdue numeric NOT NULL DEFAULT 0,
    next_due_date date DEFAULT '-infinity',
    PRIMARY KEY (customer, company, currency)
);
CREATE INDEX balance_of_many_items ON balance (next_due_date) WHERE debit_count >= 100;

-- One row per sales order. `version` NULL: its state has not come yet.
CREATE TABLE sales_order (
    company text NOT NULL,
    order_no text NOT NULL,
    version bigint,
    customer text,
    currency text,
    total numeric,
    created_at timestamptz,
    payment_terms text,
    cash_discount text,
    origin text,
    excluded boolean,
    requested_delivery_date date,
    lines_delivered numeric NOT NULL DEFAULT 0,
    cancel_version bigint,
    cancelled_at timestamptz,
    credit_status text NOT NULL DEFAULT 'unchecked',
    former_customer text,
    delivered numeric NOT NULL DEFAULT 0,
    invoiced numeric NOT NULL DEFAULT 0,
    invoiced_foreign jsonb,
    cancelled boolean NOT NULL GENERATED ALWAYS AS (coalesce(cancel_version >= coalesce(version, 0), false)) STORED,
    open_amount numeric NOT NULL GENERATED ALWAYS AS (
        CASE WHEN coalesce(cancel_version >= coalesce(version, 0), false) THEN 0
             ELSE greatest(0, coalesce(total, 0) - greatest(delivered, invoiced)) END) STORED,
    uninvoiced_amount numeric NOT NULL GENERATED ALWAYS AS (greatest(0, delivered - invoiced)) STORED,
    PRIMARY KEY (order_no, company),
    CHECK (credit_status IN ('unchecked', 'passed', 'held', 'released', 'rejected'))
);
CREATE INDEX sales_order_open ON sales_order (customer, company, created_at, order_no)
    INCLUDE (currency, open_amount, uninvoiced_amount, credit_status, invoiced_foreign, requested_delivery_date)
    WHERE open_amount > 0 OR uninvoiced_amount > 0;
CREATE INDEX sales_order_unknown ON sales_order (order_no, company) WHERE version IS NULL;

CREATE TABLE delivery (
    company text NOT NULL,
    delivery text NOT NULL,
    version bigint NOT NULL,
    order_no text NOT NULL,
    customer text NOT NULL,
    currency text NOT NULL,
    amount numeric NOT NULL,
    delivery_date date NOT NULL,
    former_order text,
    PRIMARY KEY (delivery, company)
);
CREATE INDEX delivery_of_order ON delivery (order_no, company) INCLUDE (currency, amount);

-- What checks have promised to orders whose state of that version has not come yet (spec 2.1, R). `amount` is the value
-- of the order; what has been invoiced of it is taken off when it is counted.
CREATE TABLE reservation (
    company text NOT NULL,
    order_no text NOT NULL,
    customer text NOT NULL,
    currency text NOT NULL,
    amount numeric NOT NULL,
    order_version bigint NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    reserved_at timestamptz NOT NULL,
    PRIMARY KEY (order_no, company),
    CHECK (status IN ('passed', 'held', 'released', 'rejected'))
);
CREATE INDEX reservation_of_customer ON reservation (customer, company);
CREATE INDEX reservation_age ON reservation (reserved_at);

-- The newest control totals of the ERP for a customer.
CREATE TABLE reported_balance (
    company text NOT NULL,
    customer text NOT NULL,
    version bigint NOT NULL,
    as_of date NOT NULL,
    totals jsonb NOT NULL,
    PRIMARY KEY (customer, company)
);

-- Events that came after a newer one of the same document, for the record; pruned by age.
CREATE TABLE stale_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    event_type text NOT NULL,
    subject text NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX stale_event_age ON stale_event (received_at);
