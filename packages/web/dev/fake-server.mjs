/**
 * Answers the contract of /api/triptych from seeded data and serves dist/, with the content security policy of the
 * real server. Development only: `npm run fake -w packages/web -- [--port 5199]`; `POST /fake?scenario=empty|error|slow|shop`.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { createShop, random } from "./fake-data.mjs";

const portAt = process.argv.indexOf("--port");
const port = portAt > 0 ? Number(process.argv[portAt + 1]) : 5199;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const shop = createShop(Date.now());
let scenario = "shop";
const started = Date.now();

const csp =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".woff2": "font/woff2",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
};
const info = (rowsRead = 1200) => ({ tookMs: 12, rowsRead, bytesRead: rowsRead * 220, marks: [] });

const ops = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "=~": (a, b) => a.includes(b),
  "!~": (a, b) => !a.includes(b),
};
function attrMatches(pairs, text) {
  const found = /^(any|span|resource|log)\.(.+?)(!=|=~|!~|=)(.*)$/.exec(text);
  if (!found) return true;
  const value = pairs.find(([k]) => k === found[2])?.[2] ?? "";
  return ops[found[3]](value, found[4]);
}

function matchingTraces(q) {
  const from = Number(q.get("from") ?? 0);
  const to = Number(q.get("to") ?? Infinity);
  return shop.traces.filter((t) => {
    if (t.startMs < from || t.startMs >= to) return false;
    const ms = t.durationNs / 1e6;
    return t.spans.some(
      (s) =>
        (!q.get("service") || s.service === q.get("service")) &&
        (!q.get("operation") || s.name === q.get("operation")) &&
        (!q.get("status") || (q.get("status") === "error") === (s.status === "error")) &&
        (!q.get("minDurationMs") || ms >= Number(q.get("minDurationMs"))) &&
        (!q.get("maxDurationMs") || ms <= Number(q.get("maxDurationMs"))) &&
        q
          .getAll("attr")
          .every((a) =>
            attrMatches([...s.attributes, ...shop.resources[s.resource].attributes], a),
          ),
    );
  });
}

const startNs = (t) =>
  `${Math.floor(t.startMs)}${String(Math.floor((t.startMs % 1) * 1e6)).padStart(6, "0")}`;
function summaryOf(t) {
  const sums = new Map();
  for (const s of t.spans) {
    const children =
      t.spans.length > 500
        ? 0
        : t.spans.filter((c) => c.parentSpanId === s.spanId).reduce((x, c) => x + c.durationNs, 0);
    sums.set(s.service, (sums.get(s.service) ?? 0) + Math.max(0, s.durationNs - children));
  }
  const root = t.spans.find((s) => s.parentSpanId === "") ?? t.spans[0];
  const failed = t.spans.filter((s) => s.status === "error");
  return {
    traceId: t.traceId,
    rootService: root.service,
    rootName: root.name,
    rootMissing: root.parentSpanId !== "",
    startNs: startNs(t),
    durationNs: t.durationNs,
    spans: t.spans.length,
    errors: failed.length,
    errorMessage: failed[0]?.statusMessage ?? "",
    selfTime: [...sums]
      .map(([service, selfNs]) => ({ service, selfNs }))
      .sort((a, b) => b.selfNs - a.selfNs)
      .slice(0, 8),
  };
}
const summaries = new Map(shop.traces.map((t) => [t.traceId, summaryOf(t)]));
const bounds = Array.from({ length: 34 }, (_, i) => 1e6 * 10 ** (i / 8));

function matchingLines(q, withTime = true) {
  const from = withTime ? Number(q.get("from") ?? 0) : 0;
  const to = withTime ? Number(q.get("to") ?? Infinity) : Infinity;
  const services = q.getAll("service");
  const levels = q.getAll("level");
  const text = (q.get("text") ?? "").toLowerCase();
  return shop.lines.filter((l) => {
    const at = Number(l.timeNs.slice(0, -6));
    return (
      at >= from &&
      at < to &&
      (services.length === 0 || services.includes(l.service)) &&
      (levels.length === 0 || levels.includes(l.level)) &&
      (text === "" || l.body.toLowerCase().includes(text)) &&
      (!q.get("traceId") || l.traceId === q.get("traceId")) &&
      (!q.get("spanId") || l.spanId === q.get("spanId")) &&
      q.getAll("attr").every((a) => attrMatches([...l.attributes, ...l.resource], a))
    );
  });
}

const routes = {
  "/services": () => ({
    ...info(),
    services: [
      "gateway",
      "order-service",
      "payment-service",
      "inventory-service",
      "acme-gateway",
      "postgresql",
      "redis",
    ].map((name, i) => ({
      name,
      requests: 900 - i * 110,
      errors: i === 2 ? 38 : i,
      p50Ns: 120e6,
      p95Ns: i < 3 ? 4.12e9 : 14e6,
      p99Ns: i < 3 ? 4.5e9 : 31e6,
    })),
  }),
  "/operations": (q) => ({
    ...info(),
    operations: [
      ...new Set(
        shop.traces.flatMap((t) =>
          t.spans
            .filter((s) => !q.get("service") || s.service === q.get("service"))
            .map((s) => s.name),
        ),
      ),
    ]
      .slice(0, 30)
      .map((name) => ({ name, spans: 40 })),
  }),
  "/traces": (q) => {
    const found = matchingTraces(q).map((t) => summaries.get(t.traceId));
    if (q.get("sort") === "duration") found.sort((a, b) => b.durationNs - a.durationNs);
    return {
      ...info(48210),
      total: found.length,
      traces: found.slice(0, Number(q.get("limit") ?? 100)),
    };
  },
  "/traces/heat": (q) => {
    const [from, to, columns] = [
      Number(q.get("from")),
      Number(q.get("to")),
      Number(q.get("columns") ?? 80),
    ];
    const stepMs = (to - from) / columns;
    const grid = Array.from({ length: columns }, () => new Map());
    for (const t of matchingTraces(q)) {
      const column = Math.min(columns - 1, Math.floor((t.startMs - from) / stepMs));
      let row = bounds.findIndex((_, i) => t.durationNs < (bounds[i + 1] ?? Infinity));
      if (row < 0) row = bounds.length - 1;
      const cell = grid[column].get(row) ?? [row, 0, 0];
      cell[1]++;
      if (summaries.get(t.traceId).errors > 0) cell[2]++;
      grid[column].set(row, cell);
    }
    return { ...info(), from, stepMs, boundsNs: bounds, cells: grid.map((m) => [...m.values()]) };
  },
  "/traces/difference": (q) => {
    const all = matchingTraces(q);
    const inside = all.filter(
      (t) =>
        t.startMs >= Number(q.get("boxFrom")) &&
        t.startMs < Number(q.get("boxTo")) &&
        t.durationNs / 1e6 >= Number(q.get("boxMinMs")) &&
        t.durationNs / 1e6 <= Number(q.get("boxMaxMs") ?? Infinity),
    );
    const rest = all.filter((t) => !inside.includes(t));
    const values = new Map();
    const count = (list, at) => {
      for (const t of list) {
        const seen = new Set(
          t.spans.flatMap((s) => s.attributes.map(([k, , v]) => `${k}\u0000${v}`)),
        );
        for (const pair of seen)
          values.set(
            pair,
            Object.assign(values.get(pair) ?? [0, 0], { [at]: (values.get(pair)?.[at] ?? 0) + 1 }),
          );
      }
    };
    count(inside, 0);
    count(rest, 1);
    return {
      ...info(),
      unit: "traces",
      inside: inside.length,
      outside: rest.length,
      compared: { inside: inside.length, outside: rest.length },
      values: [...values]
        .map(([pair, [a = 0, b = 0]]) => ({
          scope: "span",
          key: pair.split("\u0000")[0],
          value: pair.split("\u0000")[1],
          inside: a,
          outside: b,
          insideShare: inside.length ? a / inside.length : 0,
          outsideShare: rest.length ? b / rest.length : 0,
          lift: null,
          p: 0,
          pAdjusted: 0,
          test: "fisher",
        }))
        .sort((a, b) => b.insideShare - b.outsideShare - (a.insideShare - a.outsideShare))
        .slice(0, 10),
      rarer: [],
      numbers: [],
      leftOut: [],
      examples: { inside: inside[0]?.traceId ?? "", outside: rest[0]?.traceId ?? "" },
    };
  },
  "/traces/usual": (q) => {
    const own = shop.traces
      .flatMap((t) => t.spans)
      .filter((s) => s.service === q.get("service") && s.name === q.get("operation"))
      .map((s) => s.durationNs)
      .sort((a, b) => a - b);
    const at = (p) => own[Math.floor(own.length * p)] ?? 0;
    const counts = bounds.map(
      (low, i) => own.filter((d) => d >= low && d < (bounds[i + 1] ?? Infinity)).length,
    );
    return {
      ...info(),
      spans: own.length,
      p50Ns: at(0.5),
      p95Ns: at(0.95),
      p99Ns: at(0.99),
      boundsNs: bounds,
      counts,
    };
  },
  "/logs": (q) => {
    let found = matchingLines(q);
    if (q.get("order") !== "oldest") found = found.reverse();
    const offset = Number(q.get("cursor") ?? 0);
    const limit = Number(q.get("limit") ?? 200);
    const more = offset + limit < found.length;
    return {
      ...info(48912),
      lines: found.slice(offset, offset + limit),
      ...(more && { cursor: String(offset + limit) }),
    };
  },
  "/logs/levels": (q) => {
    const [from, to, columns] = [
      Number(q.get("from")),
      Number(q.get("to")),
      Number(q.get("columns") ?? 80),
    ];
    const stepMs = (to - from) / columns;
    const levels = {};
    const byService = new Map();
    const found = matchingLines(q);
    for (const l of found) {
      const column = Math.min(
        columns - 1,
        Math.max(0, Math.floor((Number(l.timeNs.slice(0, -6)) - from) / stepMs)),
      );
      levels[l.level] ??= new Array(columns).fill(0);
      levels[l.level][column]++;
      const s = byService.get(l.service) ?? { service: l.service, lines: 0, errors: 0 };
      s.lines++;
      if (l.level === "error" || l.level === "fatal") s.errors++;
      byService.set(l.service, s);
    }
    return {
      ...info(),
      from,
      stepMs,
      total: found.length,
      levels,
      byService: [...byService.values()].sort((a, b) => b.lines - a.lines),
    };
  },
  "/metrics": (q) => ({
    ...info(),
    metrics: shop.metricList
      .filter(([name]) => name.includes(q.get("search") ?? ""))
      .map(([name, type, unit, help, , values]) => ({
        name,
        type,
        unit,
        help,
        series: values.length * 3,
      })),
  }),
  "/metrics/labels": (q) => {
    const found = shop.metricList.find(([name]) => name === q.get("name"));
    const label = found?.[4];
    const list = label
      ? [
          {
            name: label,
            values: found[5].map((value) => ({ value, series: 3 })),
            distinct: found[5].length,
          },
        ]
      : [];
    return {
      ...info(),
      labels: [
        ...list,
        {
          name: "instance",
          values: [1, 2, 3].map((n) => ({ value: `node-${n}`, series: 4 })),
          distinct: 3,
        },
      ],
    };
  },
  "/metrics/cardinality": (q) => {
    const byName = shop.metricList
      .map(([name, , , , , values], i) => ({
        name,
        series: values.length * 3 * (i === 2 ? 420 : 1 + (i % 7)),
        samples: values.length * 3 * (i === 2 ? 420 : 1 + (i % 7)) * 240,
        newSeries: i === 2 ? 2310 : i % 3,
      }))
      .sort((a, b) => b.series - a.series);
    const series = byName.reduce((sum, one) => sum + one.series, 0);
    const [from, to] = [Number(q.get("from")), Number(q.get("to"))];
    const stepMs = to - from > 4 * 3_600_000 ? 3_600_000 : 300_000;
    const steps = Math.max(1, Math.ceil((to - from) / stepMs));
    const counts = Array.from({ length: steps }, (_, i) => (i * 37) % 90 + (i === steps - 2 ? 700 : 0));
    return {
      ...info(),
      series,
      names: byName.length,
      labels: 14,
      pairs: 1840,
      byName,
      byLabel: [
        { name: "path", values: 1260, series: 3780 },
        { name: "pod", values: 84, series: series },
        { name: "__name__", values: byName.length, series },
        { name: "le", values: 12, series: 640 },
        { name: "service", values: 7, series },
      ],
      byPair: [
        { label: "job", value: "shop", series },
        { label: "path", value: "/checkout", series: 48 },
        { label: "service", value: "payment-service", series: 320 },
      ],
      churn: { from, stepMs, counts, total: counts.reduce((a, b) => a + b, 0) },
      tables: [
        { name: "samples", bytes: 812_400_123, rows: 1_930_000_000 },
        { name: "series", bytes: 12_400_123, rows: 340_000 },
        { name: "exemplars", bytes: 2_400_123, rows: 12_000 },
      ],
    };
  },
  "/metrics/chart": (q) => {
    const found = shop.metricList.find(([name]) => name === q.get("name"));
    const [from, to, points] = [
      Number(q.get("from")),
      Number(q.get("to")),
      Math.min(400, Number(q.get("points") ?? 200)),
    ];
    const stepMs = Math.max(1000, Math.round((to - from) / points));
    const [name, type, unit, , label, values] = found ?? ["", "gauge", "", "", "", [""]];
    const view =
      q.get("view") && q.get("view") !== "auto"
        ? q.get("view")
        : type === "counter"
          ? "rate"
          : type === "histogram"
            ? "p95"
            : "value";
    const by = q.getAll("by");
    const names = by.includes(label) ? values : [""];
    const kept = names.filter((v) =>
      q
        .getAll("match")
        .every((m) => !m.startsWith(label) || attrMatches([[label, "string", v]], `any.${m}`)),
    );
    const base = unit === "By" ? 180e6 : unit === "s" ? 0.14 : 12;
    const series = kept.map((value, k) => {
      const r = random(name.length * 31 + k);
      let w = 0;
      const sick =
        name.startsWith("payment") && (value === "acme" || value === "" || value === "timeout");
      return {
        labels: value === "" ? {} : { [label]: value },
        values: Array.from({ length: Math.floor((to - from) / stepMs) }, (_, i) => {
          const at = from + i * stepMs;
          if (at < shop.now - 70 * 60_000 || at > Date.now()) return null;
          if (at > shop.now - 11 * 60_000 && at < shop.now - 10 * 60_000) return null;
          w = w * 0.8 + (r() - 0.5) * 0.2;
          const up = sick ? 1 / (1 + Math.exp(-(at - shop.onset) / 20_000)) : 0;
          return base * (1 + k * 0.35) * (1 + w) * (1 + up * 25);
        }),
      };
    });
    const r = random(5);
    const exemplars =
      type === "histogram" && unit === "s"
        ? shop.traces
            .filter((t) => t.startMs > from && t.startMs < to && t.spans.length < 200 && r() < 0.1)
            .map((t) => ({
              timeMs: t.startMs,
              value: t.durationNs / 1e9,
              traceId: t.traceId,
              labels: {},
            }))
        : [];
    return {
      ...info(),
      view,
      unit: view === "rate" ? `${unit || "1"}/s` : unit,
      from,
      stepMs,
      series,
      seriesTotal: kept.length,
      exemplars,
    };
  },
  "/incidents": () => shop.incidents,
  "/status": () => ({
    version: "0.1.0",
    startedAt: new Date(started).toISOString(),
    ready: true,
    lagSeconds: 0.6,
    residentBytes: 312e6,
    store: { kind: "embedded", bytes: 1.84e9 },
    journal: {
      pendingRecords: 3,
      pendingBytes: 48_200,
      bytesMax: 4 * 2 ** 30,
      quarantinedRecords: 0,
    },
    received: { spans: 1_284_220, lines: 489_120, samples: 9_120_334 },
    addresses: {
      otlpHttp: "http://127.0.0.1:4318",
      otlpGrpc: "http://127.0.0.1:4317",
      http: "http://127.0.0.1:4320",
    },
    problems:
      scenario === "error"
        ? [
            {
              code: "store_unavailable",
              message: "The store does not answer; 2.1 GiB wait in the journal.",
              since: new Date(started).toISOString(),
            },
          ]
        : [],
  }),
};

const emptied = {
  services: [],
  operations: [],
  traces: [],
  total: 0,
  values: [],
  inside: 0,
  outside: 0,
  lines: [],
  levels: {},
  byService: [],
  metrics: [],
  labels: [],
  series: [],
  seriesTotal: 0,
  byName: [],
  byLabel: [],
  byPair: [],
  tables: [],
  names: 0,
  pairs: 0,
  churn: { from: 0, stepMs: 3_600_000, counts: [], total: 0 },
  exemplars: [],
  spans: 0,
  counts: [],
};
function empty(answer) {
  if (Array.isArray(answer)) return [];
  const out = { ...answer };
  for (const [key, value] of Object.entries(emptied)) if (key in out) out[key] = value;
  if (out.cells) out.cells = out.cells.map(() => []);
  delete out.cursor;
  return out;
}

function tail(request, response, q) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let i = 0;
  const timer = setInterval(() => {
    if (scenario !== "shop") return;
    const source = shop.lines[(i * 37) % shop.lines.length];
    const lines = Array.from({ length: 1 + (i % 3) }, (_, k) => ({
      ...source,
      id: `tail-${started}-${i}-${k}`,
      timeNs: `${Date.now()}${String(k).padStart(6, "0")}`,
    }));
    const services = q.getAll("service");
    const kept = lines.filter((l) => services.length === 0 || services.includes(l.service));
    if (kept.length > 0) response.write(`event: lines\ndata: ${JSON.stringify(kept)}\n\n`);
    i++;
  }, 400);
  request.on("close", () => clearInterval(timer));
}

function api(request, response, url) {
  const path = url.pathname.slice("/api/triptych".length);
  const q = url.searchParams;
  const send = (status, body) => {
    const text = JSON.stringify(body);
    setTimeout(
      () => {
        response.writeHead(status, {
          "content-type": "application/json",
          "cache-control": "no-store",
        });
        response.end(text);
      },
      scenario === "slow" && path !== "/status" ? 20_000 : 15,
    );
  };
  if (scenario === "error" && path !== "/status" && path !== "/incidents") {
    return send(503, {
      error: {
        code: "store_unavailable",
        message:
          "The store did not answer within 10 s. Nothing is lost: what was acknowledged waits in the journal.",
      },
    });
  }
  if (path === "/logs/tail") return tail(request, response, q);
  const route = routes[path];
  if (route) {
    const answer = route(q);
    return send(200, scenario === "empty" && path !== "/status" ? empty(answer) : answer);
  }
  const trace = shop.traces.find((t) => path === `/traces/${t.traceId}`);
  if (trace)
    return send(200, {
      ...info(trace.spans.length),
      traceId: trace.traceId,
      startNs: startNs(trace),
      durationNs: trace.durationNs,
      resources: trace.resources,
      scopes: trace.scopes,
      spans: trace.spans,
    });
  const incident = shop.incidents.find((x) => path === `/incidents/${x.id}`);
  if (incident) return send(200, incident);
  send(404, {
    error: {
      code: "not_found",
      message: path.startsWith("/traces/")
        ? "No span of this trace is in the store. It may be older than the retention, or its spans have not arrived yet."
        : `There is nothing at ${path}.`,
    },
  });
}

createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/fake" && request.method === "POST") {
    scenario = url.searchParams.get("scenario") ?? "shop";
    return response.end(scenario);
  }
  if (url.pathname.startsWith("/api/triptych/")) return api(request, response, url);
  const wanted = normalize(join(dist, url.pathname));
  const file =
    wanted.startsWith(dist) && existsSync(wanted) && statSync(wanted).isFile()
      ? wanted
      : join(dist, "index.html");
  response.writeHead(200, {
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "content-security-policy": csp,
  });
  createReadStream(file).pipe(response);
}).listen(port, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${port}/\n`));
