/**
 * The shop as seeded data in the contract's shapes, for looking at the interface without a server: gateway →
 * order-service → payment-service, with payments that became slow eight minutes ago. Development only.
 */
const minute = 60_000;

export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const gauss = (r) => Math.sqrt(-2 * Math.log(r() + 1e-9)) * Math.cos(6.2832 * r());
const hex = (r, n) =>
  Array.from({ length: n }, () => "0123456789abcdef"[Math.floor(r() * 16)]).join("");
const ms = 1e6;

const resources = [
  "gateway",
  "order-service",
  "payment-service",
  "acme-gateway",
  "postgresql",
  "redis",
  "inventory-service",
].map((service, i) => ({
  service,
  attributes: [
    ["service.name", "string", service],
    ["service.version", "string", service === "payment-service" ? "2.14.0" : `1.${i}.2`],
    ["deployment.environment.name", "string", "prod"],
    ["host.name", "string", `node-${1 + (i % 3)}`],
    ["k8s.pod.name", "string", `${service}-7d9f6c5b8-x2lq${i}`],
    ["telemetry.sdk.language", "string", "nodejs"],
  ],
}));
const resourceOf = (service) =>
  Math.max(
    0,
    resources.findIndex((r) => r.service === service),
  );

/** Collects spans of one trace; times in milliseconds from its start. */
function recorder(r) {
  const spans = [];
  const add = (parent, service, name, startMs, durationMs, more = {}) => {
    const span = {
      spanId: hex(r, 16),
      parentSpanId: parent?.spanId ?? "",
      name,
      service,
      kind: "internal",
      status: "unset",
      statusMessage: "",
      offsetNs: Math.round(startMs * ms),
      durationNs: Math.round(durationMs * ms),
      attributes: [],
      resource: resourceOf(service),
      scope: 0,
      events: [],
      links: [],
      ...more,
    };
    spans.push(span);
    return span;
  };
  return { spans, add };
}

const issuers = ["acme", "borealis", "cardinal", "dunlin"];

/** One order. `slow` makes the card issuer time out twice before it answers. */
function orderTrace(r, { slow, failed, repeats }) {
  const { spans, add } = recorder(r);
  const issuer = slow && r() < 0.92 ? "acme" : issuers[Math.floor(r() * 4)];
  const wait = slow ? 3200 + Math.abs(gauss(r)) * 500 : 60 * Math.exp(gauss(r) * 0.5);
  const before = 40 + r() * 20;
  const total = before + wait + 60;
  const http = (method, route, status) => [
    ["http.request.method", "string", method],
    ["http.route", "string", route],
    ["http.response.status_code", "int", String(status)],
    ["url.scheme", "string", "http"],
    ["network.protocol.version", "string", "1.1"],
  ];
  const status = failed ? 502 : 200;
  const root = add(undefined, "gateway", "POST /checkout", 0, total, {
    kind: "server",
    attributes: [
      ...http("POST", "/checkout", status),
      ["client.address", "string", `203.0.113.${Math.floor(r() * 255)}`],
      ["user_agent.original", "string", "shop-app/4.2"],
    ],
  });
  add(root, "gateway", "middleware rate-limit", 0.4, 1.1);
  const order = add(root, "order-service", "POST /orders", 4, total - 10, {
    kind: "server",
    attributes: [
      ...http("POST", "/orders", status),
      ["order.id", "string", String(48200 + Math.floor(r() * 900))],
      ["cart.lines", "int", String(1 + Math.floor(r() * 5))],
    ],
  });
  add(order, "order-service", "validate basket", 6, 5);
  const stock = add(order, "inventory-service", "POST /reservations", 12, before - 20, {
    kind: "server",
  });
  let at = 14;
  for (let i = 0; i < repeats; i++) {
    const step = (before - 26) / repeats;
    add(stock, "postgresql", "UPDATE stock", at, step * 0.8, {
      kind: "client",
      attributes: [
        ["db.system.name", "string", "postgresql"],
        ["db.query.text", "string", "UPDATE stock SET held = held + $1 WHERE sku = $2"],
      ],
    });
    at += step;
  }
  const pay = add(order, "payment-service", "POST /charges", before, wait + 20, {
    kind: "server",
    status: failed ? "error" : "unset",
    statusMessage: failed ? "issuer acme timed out" : "",
    attributes: [
      ...http("POST", "/charges", failed ? 504 : 200),
      ["card.issuer", "string", issuer],
      ["retry.max_attempts", "int", slow ? "3" : "1"],
      ["payment.amount", "double", (12 + r() * 140).toFixed(2)],
    ],
  });
  add(pay, "redis", "GET issuer:{bin}", before + 2, 0.9, { kind: "client" });
  const attempts = slow ? 3 : 1;
  at = before + 5;
  for (let k = 1; k <= attempts; k++) {
    const length = slow
      ? k < 3
        ? 1250
        : wait - 2 * 1250 - 180 > 60
          ? wait - 2 * 1250 - 180
          : 400
      : wait - 4;
    const bad = slow && (k < 3 || failed);
    add(pay, "acme-gateway", `POST /v1/authorize`, at, Math.max(5, length), {
      kind: "client",
      status: bad ? "error" : "ok",
      statusMessage: bad ? "timeout after 1250 ms" : "",
      attributes: [
        ["server.address", "string", "api.acme-gateway.example"],
        ["attempt", "int", String(k)],
        ...(bad ? [["error.type", "string", "timeout"]] : []),
        ["card.issuer", "string", issuer],
        ["client.timeout_ms", "int", "1250"],
        ["docs", "string", "https://acme-gateway.example/docs/timeouts"],
      ],
      events: bad
        ? [
            {
              name: "exception",
              offsetNs: Math.round((at + length) * ms),
              attributes: [
                ["exception.type", "string", "TimeoutError"],
                [
                  "exception.message",
                  "string",
                  "timed out after 1250 ms <script>alert(1)</script>",
                ],
                [
                  "exception.stacktrace",
                  "string",
                  "TimeoutError: timed out\n    at Socket.onTimeout (acme.js:41:9)\n    at node:internal/timers:573:17",
                ],
              ],
            },
          ]
        : [{ name: "first byte", offsetNs: Math.round((at + length * 0.9) * ms), attributes: [] }],
      links:
        k === 2
          ? [
              {
                traceId: hex(r, 32),
                spanId: hex(r, 16),
                attributes: [["link.reason", "string", "earlier attempt of this order"]],
              },
            ]
          : [],
    });
    at += length;
    if (slow && k < 3) {
      add(pay, "payment-service", "backoff", at, k === 1 ? 60 : 120);
      at += k === 1 ? 60 : 120;
    }
  }
  add(order, "postgresql", "INSERT orders", total - 30, 8, { kind: "client" });
  add(order, "postgresql", "COMMIT", total - 20, 9, { kind: "client" });
  return finish(r, spans);
}

function finish(r, spans) {
  spans.sort((a, b) => a.offsetNs - b.offsetNs);
  const durationNs = Math.max(...spans.map((s) => s.offsetNs + s.durationNs));
  return {
    traceId: hex(r, 32),
    durationNs,
    resources,
    scopes: [{ name: "@triptych/telemetry", version: "0.1.0" }],
    spans,
  };
}

/** A trace of any size with every oddity: an orphan, a clock that is wrong, a second root, a deep chain. */
function largeTrace(seed, count, { odd }) {
  const r = random(seed);
  const { spans, add } = recorder(r);
  const root = add(undefined, "gateway", "POST /import", 0, 9000, { kind: "server" });
  const open = [root];
  const services = resources.map((x) => x.service);
  const names = [
    "SELECT stock",
    "GET /prices",
    "POST /charges",
    "rule velocity",
    "publish order.placed",
    "HGETALL cart:{id}",
  ];
  while (spans.length < count) {
    const parent = open[Math.floor(r() * r() * open.length)] ?? root;
    const from = parent.offsetNs / ms;
    const length = parent.durationNs / ms;
    const start = from + r() * length * 0.8;
    const duration = Math.max(0.05, (from + length - start) * r() * 0.9);
    const bad = r() < 0.01;
    const span = add(
      parent,
      services[Math.floor(r() * services.length)],
      names[Math.floor(r() * names.length)],
      start,
      duration,
      {
        kind: r() < 0.5 ? "client" : "internal",
        ...(bad && { status: "error", statusMessage: "connection reset" }),
        attributes: [["batch", "int", String(spans.length)]],
      },
    );
    if (duration > 5) open.push(span);
  }
  if (odd) {
    add(
      { spanId: "feedfacefeedface" },
      "inventory-service",
      "restock (its parent never arrived)",
      1200,
      800,
    );
    add(root, "payment-service", "POST /charges from a fast clock", -0 + 0, 400, {
      kind: "server",
    });
    const late = add(root, "acme-gateway", "settle asynchronously", 8800, 900, {
      kind: "consumer",
    });
    const child = add(late, "postgresql", "INSERT settlement", 8600, 500, { kind: "client" });
    child.attributes = [["clock", "string", "starts before its parent"]];
    add(undefined, "gateway", "GET /import/status", 4000, 120, { kind: "server" });
  }
  return finish(r, spans);
}

const levels = ["trace", "debug", "info", "warn", "error", "fatal"];

function logLine(r, trace, { timeMs, level, service, body, span, attributes = [], i }) {
  return {
    id: `${Math.round(timeMs)}-${i}`,
    timeNs: `${Math.floor(timeMs)}${String(Math.floor((timeMs % 1) * 1e6)).padStart(6, "0")}`,
    level,
    severityText: level.toUpperCase(),
    service,
    body,
    traceId: trace?.traceId ?? "",
    spanId: span?.spanId ?? "",
    attributes,
    resource: resources[resourceOf(service)].attributes,
    scope: service,
  };
}

function logsOf(r, traces, count, now) {
  const lines = [];
  let i = 0;
  for (const trace of traces) {
    for (const span of trace.spans) {
      if (
        span.name !== "POST /v1/authorize" &&
        span.name !== "POST /orders" &&
        span.name !== "POST /charges"
      )
        continue;
      const startMs = trace.startMs + span.offsetNs / ms;
      const endMs = startMs + span.durationNs / ms;
      const bad = span.status === "error";
      const attempt = span.attributes.find(([k]) => k === "attempt")?.[2] ?? "1";
      const add = (timeMs, level, body, attributes) =>
        lines.push(
          logLine(r, trace, {
            timeMs,
            level,
            service: span.service === "acme-gateway" ? "payment-service" : span.service,
            body,
            span,
            attributes,
            i: i++,
          }),
        );
      if (span.name === "POST /orders")
        add(endMs, "info", `order accepted order=${48200 + i} lines=${1 + (i % 5)}`, [
          ["order", "int", String(48200 + i)],
        ]);
      if (span.name === "POST /charges") add(startMs, "debug", `charge requested`, []);
      if (span.name === "POST /v1/authorize") {
        add(
          startMs,
          "info",
          `authorize attempt=${attempt} issuer=acme amount=${(12 + r() * 140).toFixed(2)} EUR`,
          [
            ["attempt", "int", attempt],
            ["card.issuer", "string", "acme"],
          ],
        );
        if (bad) {
          add(endMs, "error", "authorize timed out after 1250 ms, will retry", [
            ["attempt", "int", attempt],
            ["error.type", "string", "timeout"],
            ["card.issuer", "string", "acme"],
            ["client.timeout_ms", "int", "1250"],
          ]);
          add(
            endMs,
            "warn",
            `circuit acme-gateway: ${36 + (i % 4)} of 50 failed, threshold 40`,
            [],
          );
        }
      }
    }
  }
  while (lines.length < count) {
    const timeMs = now - r() * 60 * minute;
    lines.push(
      logLine(r, undefined, {
        timeMs,
        level: r() < 0.02 ? "warn" : "info",
        service: "gateway",
        body: `GET /products/${Math.floor(r() * 900)} 200 ${(2 + r() * 30).toFixed(1)} ms`,
        attributes: [["http.response.status_code", "int", "200"]],
        i: i++,
      }),
    );
  }
  return lines.sort((a, b) =>
    a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : a.id < b.id ? -1 : 1,
  );
}

const metricList = [
  ["payment_latency_seconds", "histogram", "s", "Time a payment took.", "issuer", issuers],
  [
    "payment_failures_total",
    "counter",
    "",
    "Payments that failed.",
    "reason",
    ["timeout", "declined"],
  ],
  [
    "orders_processed_total",
    "counter",
    "{order}",
    "Orders by outcome.",
    "status",
    ["ok", "failed"],
  ],
  ["order_duration_seconds", "histogram", "s", "Time an order took.", "", [""]],
  ["order_queue_depth", "gauge", "{order}", "Orders that wait.", "", [""]],
  [
    "http_server_request_duration_seconds",
    "histogram",
    "s",
    "Duration of HTTP server requests.",
    "http_route",
    ["/checkout", "/orders", "/charges", "/products"],
  ],
  [
    "http_server_active_requests",
    "gauge",
    "{request}",
    "Requests in flight.",
    "service",
    ["gateway", "order-service", "payment-service"],
  ],
  [
    "process_resident_memory_bytes",
    "gauge",
    "By",
    "Resident memory.",
    "service",
    ["gateway", "order-service", "payment-service"],
  ],
  [
    "process_cpu_seconds_total",
    "counter",
    "s",
    "CPU time.",
    "service",
    ["gateway", "order-service", "payment-service"],
  ],
  [
    "nodejs_eventloop_delay_p99_seconds",
    "gauge",
    "s",
    "Event loop delay.",
    "service",
    ["gateway", "order-service", "payment-service"],
  ],
  [
    "payment_pool_in_use",
    "gauge",
    "{connection}",
    "Connections to issuers.",
    "pool",
    ["acme", "borealis"],
  ],
  ["payment_retries_total", "counter", "", "Attempts after the first.", "issuer", issuers],
  ["payment_circuit_open", "gauge", "1", "1 while the circuit is open.", "issuer", issuers],
  [
    "db_client_operation_duration_seconds",
    "histogram",
    "s",
    "Duration of database calls.",
    "db_operation",
    ["SELECT", "INSERT", "UPDATE"],
  ],
  ["cache_hits_total", "counter", "", "Cache hits.", "", [""]],
  ["cache_misses_total", "counter", "", "Cache misses.", "", [""]],
  ["cart_items", "histogram", "{item}", "Lines in a cart.", "", [""]],
  ["inventory_reserved", "gauge", "{item}", "Items held for open orders.", "", [""]],
  [
    "target_info",
    "info",
    "",
    "Resource of each target.",
    "job",
    ["gateway", "order-service", "payment-service"],
  ],
  [
    "up",
    "gauge",
    "1",
    "1 while a target answers.",
    "job",
    ["gateway", "order-service", "payment-service"],
  ],
];

export function createShop(now) {
  const r = random(7);
  const onset = now - 8 * minute;
  const traces = [];
  for (let i = 0; i < 240; i++) {
    const startMs = now - 1500 - r() * 25 * minute;
    const slow = startMs > onset && r() < 0.34;
    const trace = orderTrace(r, {
      slow,
      failed: slow ? r() < 0.15 : r() < 0.01,
      repeats: 3 + Math.floor(r() * 8),
    });
    traces.push({ ...trace, startMs: startMs - trace.durationNs / ms });
  }
  const large = {
    ...largeTrace(3, 300, { odd: true }),
    startMs: now - 4 * minute,
    traceId: "a".repeat(32),
  };
  const huge = {
    ...largeTrace(5, 10_000, { odd: false }),
    startMs: now - 3 * minute,
    traceId: "b".repeat(32),
  };
  traces.push(large, huge);
  traces.sort((a, b) => b.startMs - a.startMs);
  const lines = logsOf(
    r,
    traces.filter((t) => t !== huge && t !== large),
    2000,
    now,
  );
  const slowTraces = traces
    .filter((t) => t.durationNs > 2e9 && t !== huge && t !== large)
    .slice(0, 8);
  const iso = (at) => new Date(at).toISOString();
  const incidents = [
    {
      id: "INC-2",
      service: "payment-service",
      type: "High Latency",
      detected_at: iso(onset + 50_000),
      latency_p95: 4.12,
      latency_p95_peak: 4.61,
      threshold: 2,
      requests: 412,
      errors: 38,
      trace_status: "ok",
      slow_traces: slowTraces.map((t) => ({
        trace_id: t.traceId,
        latency: t.durationNs / 1e9,
        endpoint: "POST /charges",
        ts: iso(t.startMs),
      })),
    },
    {
      id: "INC-1",
      service: "order-service",
      type: "High Latency",
      detected_at: iso(now - 26 * 60 * minute),
      resolved_at: iso(now - 25.4 * 60 * minute),
      latency_p95: 2.4,
      latency_p95_peak: 2.9,
      threshold: 2,
      requests: 96,
      errors: 2,
      trace_status: "Trace data unavailable",
      slow_traces: [],
    },
  ];
  return { now, onset, traces, lines, incidents, metricList, levels, resources };
}
