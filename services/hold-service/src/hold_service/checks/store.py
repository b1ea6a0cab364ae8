"""What a batch of checks reads: one statement, and one for rates where foreign currencies are involved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import asyncpg

from hold_service.checks.freshness import FACTS_AGE
from hold_service.checks.kept import Keeper, Kept
from hold_service.checks.known import OrderTerms
from hold_service.checks.loaded import AttemptKey, Loaded, OrderKey, loaded_of
from hold_service.checks.overdue import relevant_overdue
from hold_service.groups.locks import must_hold
from hold_service.setups.model import Setup
from hold_service.setups.store import LATEST, setups
from holdfast.database.bulk import columns, shifted
from holdfast.database.work import Work
from holdfast.receivables.model import Party, Position
from holdfast.receivables.position_statements import POSITIONS_AS_JSON
from holdfast.receivables.positions import NOTHING, AskedPlace, is_cut, position_values, positions_of, read_rows
from holdfast.web import idempotency
from holdfast.web.idempotency import Request

READ = """
WITH party AS MATERIALIZED (
    SELECT w.company, w.customer, g.group_id, g.currency, g.credit_limit, g.check_member_overdue, g.temporary_limits
    FROM unnest($1::text[], $2::text[]) AS w (company, customer)
    LEFT JOIN LATERAL (
        SELECT m.group_id, g.* FROM credit_group_member m
        CROSS JOIN LATERAL (
            SELECT g.currency, g.credit_limit, g.check_member_overdue, g.temporary_limits, g.changed_at
            FROM credit_group g WHERE g.group_id = m.group_id AND NOT g.deleted OFFSET 0) g
        WHERE m.customer = w.customer AND m.company = w.company
        ORDER BY g.changed_at DESC, m.group_id LIMIT 1) g ON true
), shared AS MATERIALIZED (
    SELECT DISTINCT group_id FROM party WHERE group_id IS NOT NULL
), member AS MATERIALIZED (
    SELECT s.group_id, m.company, m.customer FROM shared s
    CROSS JOIN LATERAL (
        SELECT m.company, m.customer FROM credit_group_member m WHERE m.group_id = s.group_id OFFSET 0) m
    WHERE s.group_id <> ALL ($8::text[])
), beside AS MATERIALIZED (
    SELECT company FROM party UNION SELECT company FROM member UNION SELECT unnest($9::text[])
), named AS MATERIALIZED (
    SELECT DISTINCT company, order_no FROM unnest($3::text[], $4::text[]) AS w (company, order_no)
)
SELECT
    (SELECT json_object_agg(s.company, s.stamp) FROM beside c
     CROSS JOIN LATERAL (SELECT * FROM setup s WHERE s.company = c.company OFFSET 0) s) AS stamps,
    (SELECT json_object_agg(c.company, ($10::timestamptz AT TIME ZONE coalesce((
                SELECT x.time_zone FROM company x WHERE x.company = c.company), 'UTC'))::date)
     FROM beside c) AS dates,
    (SELECT stamp::text FROM rate_stamp) AS rate_stamp,
    (SELECT json_agg(json_build_array(p.company, p.customer, p.version, p.currency, p.credit_limit::text,
                p.mandatory, p.unlimited, p.excluded, p.credit_limit_expiry_date, p.temporary_limits, p.policies,
                p.account_status, p.hold_effect, p.credit_management_group, p.risk_group, p.ignore_until_date,
                p.next_review_date, p.average_days_late::text))
     FROM party w
     CROSS JOIN LATERAL (
         SELECT * FROM profile p WHERE p.company = w.company AND p.customer = w.customer OFFSET 0) p) AS profiles,
    (SELECT json_agg(json_build_array(w.company, w.customer, s.dunning_level, s.broken_promises, s.block_effect,
                s.block_reason, c.payment_terms, c.cash_discount, s.risk_group,
                (SELECT json_object_agg(d.currency, d.amount::text) FROM (
                     SELECT d.currency, sum(least(d.open_amount, coalesce(d.disputed_amount, d.open_amount))) AS amount
                     FROM document d
                     WHERE d.customer = w.customer AND d.company = w.company
                       AND d.disputed AND d.is_debit AND d.open_amount > 0
                     GROUP BY d.currency) d), s.risk_version))
     FROM party w
     LEFT JOIN LATERAL (
         SELECT * FROM standing s WHERE s.customer = w.customer AND s.company = w.company OFFSET 0) s ON true
     LEFT JOIN LATERAL (
         SELECT c.payment_terms, c.cash_discount FROM customer c
         WHERE c.customer = w.customer AND c.company = w.company OFFSET 0) c ON true) AS standings,
    (SELECT json_agg(json_build_array(company, customer, group_id, currency, credit_limit::text, check_member_overdue,
                temporary_limits))
     FROM party WHERE group_id IS NOT NULL) AS memberships,
    (SELECT json_agg(json_build_array(group_id, company, customer)) FROM member) AS members,
    (SELECT json_agg(json_build_array(o.company, o.order_no, coalesce(o.version, 0), o.payment_terms, o.cash_discount,
                coalesce(o.excluded, false), coalesce(o.origin = 'project', false), d.load))
     FROM named w
     CROSS JOIN LATERAL (
         SELECT * FROM sales_order o WHERE o.order_no = w.order_no AND o.company = w.company OFFSET 0) o
     LEFT JOIN LATERAL (
         SELECT d.load FROM order_detail d
         WHERE d.order_no = w.order_no AND d.company = w.company OFFSET 0) d ON true) AS terms,
    (SELECT json_agg(json_build_array(h.company, h.order_no, h.id, h.customer, h.checkpoint, h.order_version,
                h.proforma, h.attempted_at IS NOT NULL, h.forced_reason IS NOT NULL,
                (SELECT json_object_agg(x.reason, x.explanation) FROM hold_reason x
                 WHERE x.hold_id = h.id AND x.active), h.previous_hold, h.workflow_status, h.approved IS NOT NULL))
     FROM named w
     CROSS JOIN LATERAL (
         SELECT h.id, h.company, h.order_no, h.customer, h.checkpoint, h.order_version, h.proforma, h.attempted_at,
                h.forced_reason, h.active, h.previous_hold, h.workflow_status, h.approved FROM hold h
         WHERE h.company = w.company AND h.order_no = w.order_no OFFSET 0) h WHERE h.active) AS holds,
    (SELECT json_agg(json_build_array(a.company, a.order_no, a.checkpoint, a.currency, a.total::text, a.hold_id,
                a.order_version, a.valid_until))
     FROM named w
     CROSS JOIN LATERAL (
         SELECT * FROM admission a WHERE a.order_no = w.order_no AND a.company = w.company OFFSET 0) a) AS admissions,
    (SELECT json_agg(json_build_array(r.company, r.order_no, r.released_on, r.grace_until, r.currency, r.total::text,
                r.order_version, r.payment_terms, r.cash_discount, r.capped, r.valid_until))
     FROM named w
     CROSS JOIN LATERAL (
         SELECT * FROM order_release r WHERE r.order_no = w.order_no AND r.company = w.company OFFSET 0) r) AS releases,
    (SELECT json_agg(json_build_array(d.company, d.order_no, d.checkpoint, d.attempt, d.answer::text))
     FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS w (company, order_no, checkpoint, attempt)
     CROSS JOIN LATERAL (
         SELECT * FROM decision d
         WHERE d.company = w.company AND d.order_no = w.order_no AND d.checkpoint = w.checkpoint
           AND d.attempt = w.attempt AND d.outcome IN ('cleared', 'held') OFFSET 0) d) AS earlier,
    (SELECT json_agg(DISTINCT k.party) FROM parked_party k WHERE k.party = ANY ($7::text[])) AS parked,
    (@facts_age@) AS facts_age,
    (@answered@) AS answered,
    (@positions@) AS positions
""".replace("@facts_age@", FACTS_AGE)
READ = READ.replace("@answered@", shifted(idempotency.KNOWN, 10)).replace("@positions@", shifted(POSITIONS_AS_JSON, 12))
"""All that is known; of positions those that are asked about. A customer of two groups, which is so only until the
event of the one it has left comes, counts with the one that changed last. `OFFSET 0` makes each lookup go by its index,
also when the plan was made while tables were small."""
HELD_ON_LOADS = """
SELECT w.company, w.load, m.order_no FROM unnest($1::text[], $2::text[]) AS w (company, load)
CROSS JOIN LATERAL (
    SELECT m.order_no FROM order_detail m WHERE m.load = w.load AND m.company = w.company OFFSET 0) m
CROSS JOIN LATERAL (
    SELECT h.active FROM hold h WHERE h.order_no = m.order_no AND h.company = w.company OFFSET 0) h
WHERE h.active ORDER BY m.order_no
"""
ONE_BY_ONE = 40
"""Up to so many orders and reservations of a customer are read by that statement, whether they are many or not; of who
has more they are added up, or read, by another."""


async def load(
    work: Work,
    orders: dict[Party, set[str]],
    currencies: Collection[str],
    attempts: Sequence[AttemptKey] = (),
    *,
    locked: bool = True,
    keeper: Keeper | None = None,
    requests: Sequence[Request] = (),
    places: Mapping[Party, Collection[AskedPlace]] = NOTHING,
) -> Loaded:
    """Read everything a batch needs. Customers and groups are locked by the caller, in statements before; `locked`
    False only asks and decides nothing. `keeper`: who knows groups, when the transaction has changed nothing but by
    decisions and facts. `requests` are those whose earlier answers are looked for. `places`: of all orders that will be
    checked, where nothing else is asked of the positions. Raises TryAgain when a customer has joined a group
    meanwhile."""
    keys = list(attempts) or [(company, number, "", "") for (company, _), named in orders.items() for number in named]
    kept = keeper.known(work) if keeper else {}
    guessed = _horizons(orders, LATEST)
    row = await _read(work, orders, keys, kept, requests, guessed)
    if outdated := {name for name, group in kept.items() if not group.basis.is_that_of(row)}:
        kept = {name: group for name, group in kept.items() if name not in outdated}
        row = await _read(work, orders, keys, kept, requests, guessed)
    if locked:
        must_hold(work, {m[2] for m in row["memberships"] or ()})
    known = await setups(work, row["stamps"] or {})
    loaded = loaded_of(row, known, kept, orders)
    fresh = await _positions(work, orders, currencies, loaded, row, guessed, places)
    await relevant_overdue(work, fresh, known)
    loaded.positions.update(fresh)
    loaded.terms.update(await _beside_on_loads(work, loaded.terms))
    return loaded


async def _read(
    work: Work,
    orders: Mapping[Party, set[str]],
    keys: Sequence[AttemptKey],
    kept: Mapping[str, Kept],
    requests: Sequence[Request],
    horizons: Mapping[Party, int],
) -> asyncpg.Record:
    parties = sorted(orders)
    row = await work.conn.fetchrow(
        READ, *columns(parties, 2), *columns(keys, 4), [f"{company}/{customer}" for company, customer in parties],
        list(kept), sorted(set[str]().union(*(group.companies for group in kept.values()))), work.business_now,
        *idempotency.names(requests), *position_values(work, orders, horizons), ONE_BY_ONE,
    )  # fmt: skip
    assert row is not None
    return row


async def _beside_on_loads(work: Work, terms: Mapping[OrderKey, OrderTerms]) -> dict[OrderKey, OrderTerms]:
    """The orders that are on a load, with the others on it that are held."""
    loads = {(company, found.load) for (company, _), found in terms.items() if found.load}
    if not loads:
        return {}
    held: dict[tuple[str, str], list[str]] = {}
    for row in await work.conn.fetch(HELD_ON_LOADS, *columns(sorted(loads), 2)):
        held.setdefault((row["company"], row["load"]), []).append(row["order_no"])
    return {
        key: replace(found, held_on_load=[order for order in held.get((key[0], found.load), ()) if order != key[1]])
        for key, found in terms.items()
        if found.load
    }


async def _positions(
    work: Work,
    orders: Mapping[Party, set[str]],
    currencies: Collection[str],
    loaded: Loaded,
    row: asyncpg.Record,
    guessed: Mapping[Party, int],
    places: Mapping[Party, Collection[AskedPlace]],
) -> dict[Party, Position]:
    """The positions of the customers, and of the members of their groups that are not kept, which are read now, as is
    what was read for another horizon, or in part. What members of a group use is kept for checks of others, of which
    the places are not known: each of their orders is read."""
    members = [(group, (company, customer)) for group, company, customer in row["members"] or ()]
    asked: dict[Party, set[str]] = {party: set() for _, party in members} | dict(orders)
    horizons = _horizons(asked, loaded.setups)
    later = {p: named for p, named in asked.items() if p not in orders or horizons.get(p) != guessed.get(p)}
    many = {(r["company"], r["customer"]) for r in row["positions"] if is_cut(r, ONE_BY_ONE)}
    later |= {party: asked[party] for party in many}
    rows = [r for r in row["positions"] if (r["company"], r["customer"]) not in later]
    between = {p: asked for p, asked in places.items() if p in many and p not in loaded.groups}
    rows += await read_rows(work, later, horizons=horizons, places=between)
    targets = {group.id: group.currency for group, _ in loaded.groups.values()}
    into = {party: targets[group] for group, party in members}
    wanted = set(currencies).union(*(setup.book.currencies for setup in loaded.setups.values()))
    wanted.update(policy.currency for profile in loaded.profiles.values() for policy in profile.policies)
    return await positions_of(
        work,
        rows,
        currencies=wanted,
        into=into | {party: group.currency for party, (group, _) in loaded.groups.items()},
        rate_types=_rate_types(loaded.setups),
        horizons=horizons,
    )


def _horizons(parties: Collection[Party], setups: Mapping[str, Setup]) -> dict[Party, int]:
    """Days from the check date beyond which orders do not count, where a company says so."""
    days = {company: setup.credit.open_order_horizon_days for company, setup in setups.items()}
    return {party: horizon for party in parties if (horizon := days.get(party[0])) is not None}


def _rate_types(known: Mapping[str, Setup]) -> dict[str, str]:
    return {c: t for c, setup in known.items() if (t := setup.credit.credit_limit_exchange_rate_type) is not None}
