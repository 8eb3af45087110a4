/** `drilldown-limits`: what Grafana's Logs Drilldown asks for when it opens, to know what it may show. */
import { LOKI_LEVEL_NAMES, LOKI_SERVICE_SOURCES } from "@triptych/wire";
import type { FastifyReply } from "fastify";
import { indexedAttributes } from "../../query/logs/loki-labels.ts";
import type { Context, Exchange } from "./exchange.ts";
import { LOKI_VERSION } from "./misc.ts";
import { LINES_MAX } from "./params.ts";
import { VOLUMES_MAX } from "./volume.ts";

/** A range of any length may be asked for, and nothing is cut by age here; Loki writes both as zero. */
const UNLIMITED = "0s";
const SERIES_MAX = 10_000;

export async function drilldownLimits(
  { timeoutMs }: Context,
  { reply }: Exchange,
): Promise<FastifyReply> {
  const limits = {
    discover_log_levels: true,
    discover_service_name: LOKI_SERVICE_SOURCES,
    log_level_fields: LOKI_LEVEL_NAMES,
    max_entries_limit_per_query: LINES_MAX,
    max_line_size_truncate: true,
    max_query_bytes_read: "0B",
    max_query_length: UNLIMITED,
    max_query_lookback: UNLIMITED,
    max_query_range: UNLIMITED,
    max_query_series: SERIES_MAX,
    metric_aggregation_enabled: false,
    otlp_config: {
      resource_attributes: {
        attributes_config: [
          { action: "index_label", attributes: ["service.name", ...indexedAttributes] },
        ],
      },
    },
    pattern_persistence_enabled: false,
    query_timeout: `${Math.round(timeoutMs / 1000)}s`,
    retention_period: UNLIMITED,
    volume_enabled: true,
    volume_max_series: VOLUMES_MAX,
  };
  return reply.send({ limits, pattern_ingester_enabled: true, version: LOKI_VERSION });
}
