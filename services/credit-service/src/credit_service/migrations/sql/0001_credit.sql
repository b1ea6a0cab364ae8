CREATE TABLE credit_profile (
    company text NOT NULL,
    customer text NOT NULL,
    version bigint NOT NULL,
    currency text NOT NULL,
    credit_limit numeric NOT NULL CHECK (credit_limit >= 0),
    credit_limit_date date,
    credit_limit_expiry_date date,
    mandatory_credit_limit boolean NOT NULL,
    unlimited_credit boolean NOT NULL,
    exclude_from_credit_management boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    PRIMARY KEY (company, customer)
);
COMMENT ON COLUMN credit_profile.credit_limit IS 'Permanent limit in company currency; 0 means no credit';
