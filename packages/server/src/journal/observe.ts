/** The journal as metrics. */
import type { Metrics } from "../self/metrics.ts";
import type { Journal } from "./journal.ts";

export function observeJournal(metrics: Metrics, journal: Journal): void {
  const status = () => journal.status();
  metrics.gauge(
    "triptych_journal_pending_records",
    "Records the store has not taken yet.",
    () => status().pendingRecords,
  );
  metrics.gauge(
    "triptych_journal_pending_bytes",
    "Bytes the store has not taken yet.",
    () => status().pendingBytes,
  );
  metrics.gauge(
    "triptych_journal_bytes_max",
    "Bound of the pending bytes.",
    () => status().pendingBytesMax,
  );
  metrics.gauge(
    "triptych_journal_lag_seconds",
    "Age of the oldest record not yet in the store.",
    () => status().lagMs / 1000,
  );
  metrics.observed(
    "triptych_journal_records_total",
    "Records made durable.",
    () => status().appendedRecords,
  );
  metrics.observed(
    "triptych_journal_bytes_total",
    "Bytes made durable.",
    () => status().appendedBytes,
  );
  metrics.observed(
    "triptych_journal_write_failures_total",
    "Records that could not be made durable.",
    () => status().writeFailures,
  );
  metrics.observed(
    "triptych_duplicate_requests_total",
    "Resent requests that were acknowledged but not stored twice.",
    () => status().duplicates,
  );
  metrics.observed(
    "triptych_quarantined_records_total",
    "Damaged records set aside at start.",
    () => status().quarantinedRecords,
  );
  metrics.observed(
    "triptych_refused_blocks_total",
    "Blocks the store refused, set aside.",
    () => status().refusedBlocks,
  );
}
