/** What file tailing shows at `/metrics`, for all jobs together. */
import type { Counter, Metrics } from "../../self/metrics.ts";

export interface FileCounters {
  readonly bytes: Counter;
  readonly lines: Counter;
  readonly errors: Counter;
  readonly truncated: Counter;
  readonly dropped: Counter;
  /** Files read, descriptors open, bytes not yet read: added up over the jobs, until the returned function is called. */
  readonly watch: (read: () => FileGauges) => () => void;
}

export interface FileGauges {
  readonly files: number;
  readonly open: number;
  readonly lagBytes: number;
}

export function createFileCounters(metrics: Metrics): FileCounters {
  const watched = new Set<() => FileGauges>();
  const sum = (key: keyof FileGauges) => (): number =>
    [...watched].reduce((total, read) => total + read()[key], 0);
  metrics.gauge("triptych_files_active", "Files that are read as they grow.", sum("files"));
  metrics.gauge("triptych_files_open", "Descriptors of files that are read.", sum("open"));
  metrics.gauge("triptych_files_lag_bytes", "Bytes of files not read yet.", sum("lagBytes"));
  return {
    bytes: metrics.counter("triptych_files_read_bytes_total", "Bytes read, by file.", "path"),
    lines: metrics.counter("triptych_files_read_lines_total", "Lines read, by file.", "path"),
    errors: metrics.counter(
      "triptych_files_errors_total",
      "Files that could not be read, by reason.",
      "reason",
    ),
    truncated: metrics.counter(
      "triptych_files_truncated_total",
      "Files that were truncated or written anew.",
    ),
    dropped: metrics.counter(
      "triptych_lines_dropped_total",
      "Lines that pipeline stages dropped, by reason.",
      "reason",
    ),
    watch(read) {
      watched.add(read);
      return () => void watched.delete(read);
    },
  };
}
