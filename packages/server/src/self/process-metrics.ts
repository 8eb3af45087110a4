/** The process as metrics, with the names every Prometheus client library uses. */
import { privateBytes } from "./memory-watch.ts";
import type { Metrics } from "./metrics.ts";

export function observeProcess(metrics: Metrics): void {
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () =>
    process.memoryUsage.rss(),
  );
  metrics.gauge("triptych_memory_used_bytes", "Memory counted against the limit.", privateBytes);
  metrics.gauge(
    "nodejs_heap_size_total_bytes",
    "Memory of the heap.",
    () => process.memoryUsage().heapTotal,
  );
  metrics.gauge(
    "nodejs_external_memory_bytes",
    "Buffers outside the heap.",
    () => process.memoryUsage().external,
  );
  metrics.observed("process_cpu_seconds_total", "User and system CPU time.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  const startSeconds = Date.now() / 1000 - process.uptime();
  metrics.gauge("process_start_time_seconds", "Start of the process.", () => startSeconds);
}
