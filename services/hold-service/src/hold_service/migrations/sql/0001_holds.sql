-- Reasons of a company for holding and releasing orders (spec 1.4).
CREATE TABLE reason (
    company text NOT NULL,
    type text NOT NULL CHECK (type IN ('hold', 'release')),
    id text NOT NULL,
    description text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (company, type, id)
);

-- What the hold list shows of an order beside its figures; the newest state of each order.
CREATE TABLE order_detail (
    company text NOT NULL,
    order_no text NOT NULL,
    version bigint NOT NULL,
    sold_to text,
    sales_taker text,
    sales_responsible text,
    sales_pool text,
    freight_zone text,
    load text,
    delivery_date date,
    sales_deadline date,
    lines jsonb NOT NULL,
    PRIMARY KEY (order_no, company)
);
CREATE INDEX order_detail_load ON order_detail (load, company, order_no) WHERE load IS NOT NULL;

-- The last business day on which all held orders of a company were evaluated.
CREATE TABLE evaluated_day (
    company text PRIMARY KEY,
    day date NOT NULL
);
