"""What the bus tells an operator."""

from __future__ import annotations

from holdfast.platform.metrics import counter, gauge, histogram

PLACE = ("service", "topic", "partition")

EVENTS = counter("holdfast_events_handled", "Events that took effect in this process.", ("service", "type"))
DUPLICATES = counter("holdfast_events_repeated", "Events skipped because the inbox knows them.", ("service",))
IGNORED = counter(
    "holdfast_events_ignored", "Records of a type this version or service does not handle.", ("service", "topic")
)
BATCH_SECONDS = histogram("holdfast_batch_seconds", "Seconds a batch took to its commit.", ("service",))
RETRIES = counter("holdfast_batch_retries", "Batches begun again after a transient error.", ("service",))
REBALANCES = counter("holdfast_rebalances", "Times partitions came or went.", ("service",))
LAG_RECORDS = gauge("holdfast_lag_records", "Records in the log that are not handled yet.", PLACE)
LAG_SECONDS = gauge("holdfast_lag_seconds", "Age of the oldest record that is not handled yet.", PLACE)
OWNED = gauge("holdfast_partitions_held", "Partitions this process reads.", ("service",))
STOPPED = gauge("holdfast_partition_stopped", "1 while a partition stands still until someone looks.", PLACE)
POISON = counter("holdfast_poison_records", "Records that could not be digested.", ("service", "type"))
POISON_SHARE = gauge("holdfast_poison_share", "Share of poison among the last records of a partition, 0 to 1.", PLACE)
DEAD_LETTERS = gauge("holdfast_dead_letters", "Dead letters that wait, by state.", ("service", "state"))
PARKED_KEYS = gauge("holdfast_parked_keys", "Keys whose events wait behind a dead letter.", ("service",))
OUTBOX_SENT = counter("holdfast_outbox_sent", "Events published by the relay.", ("service",))
OUTBOX_WAITING = gauge("holdfast_outbox_waiting", "Events in the outbox that are not published yet.", ("service",))
OUTBOX_AGE = gauge("holdfast_outbox_age_seconds", "Age of the oldest event not published yet.", ("service",))
OUTBOX_REFUSED = gauge(
    "holdfast_outbox_refused", "Events the bus will never take and that were set aside.", ("service",)
)
