CREATE TABLE approval_workflow (
    company text NOT NULL,
    kind text NOT NULL,
    active boolean NOT NULL,
    steps jsonb NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (kind, company)
);

CREATE TABLE approval_delegation (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    from_user text NOT NULL,
    to_user text NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL CHECK (to_date >= from_date)
);
CREATE INDEX approval_delegation_to ON approval_delegation (to_user, company);

-- `basis` is what was asked on: when it is no longer so, the approval lapses. `amount` in company currency is the
-- limit or exposure that would result; null where that cannot be told. `barred`: who may not decide besides the
-- requester.
CREATE TABLE approval (
    id uuid PRIMARY KEY,
    company text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    requester text NOT NULL,
    barred text[] NOT NULL DEFAULT '{}',
    amount numeric,
    proposal jsonb NOT NULL,
    basis jsonb NOT NULL,
    steps jsonb NOT NULL,
    at integer NOT NULL,
    approved_by text[] NOT NULL,
    deciders text[] NOT NULL,
    since timestamptz NOT NULL,
    escalated boolean NOT NULL,
    state text NOT NULL,
    reason text,
    lapsed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX approval_one_open ON approval (subject, kind, company)
    WHERE state IN ('submitted', 'approval_pending', 'change_requested');
CREATE INDEX approval_list ON approval (created_at, id);
CREATE INDEX approval_waiting ON approval (since, id) WHERE state = 'approval_pending';

CREATE TABLE approval_trail (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    approval uuid NOT NULL REFERENCES approval (id),
    at timestamptz NOT NULL,
    who text NOT NULL,
    acting_for text,
    act text NOT NULL,
    note text
);
CREATE INDEX approval_trail_of ON approval_trail (approval, id);
