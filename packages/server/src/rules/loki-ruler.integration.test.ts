/** Loki's ruler from outside: the real process reads its files, takes rules over its API, and keeps them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, startServer } from "@triptych/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "triptych-ruler-"));
const dataDir = join(directory, "data");
let server: RunningServer;

beforeAll(async () => {
  mkdirSync(join(directory, "rules/fake"), { recursive: true });
  // As in the container that it was written for; the directory lies beside the file here.
  writeFileSync(
    join(directory, "loki.yaml"),
    "auth_enabled: false\nruler:\n  storage: {type: local, local: {directory: /no-such/rules}}\n  evaluation_interval: 1s\n",
  );
  writeFileSync(
    join(directory, "rules/fake/shop.yaml"),
    `groups:
- name: shop
  rules:
  - record: app:errors:count5m
    expr: sum by (app) (count_over_time({app=~".+"} |= "error" [5m]))
  - alert: PaymentsFail
    expr: sum by (app) (count_over_time({app="payments"} | json | status >= 500 [5m])) > 2
    labels: {severity: page}
    annotations: {summary: "{{ $value }} of {{ $labels.app }}"}
`,
  );
  server = await start();
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

const start = (): Promise<RunningServer> => startServer({ dataDir, args: [directory] });

async function ask<T>(path: string, good: (answer: T) => boolean): Promise<T> {
  let last: unknown;
  const isGood = async (): Promise<boolean> => {
    last = await (await fetch(server.url + path)).json();
    return good(last as T);
  };
  await expect.poll(isGood, { timeout: 15_000, interval: 100, message: path }).toBe(true);
  return last as T;
}

interface Alerts {
  readonly data: {
    readonly alerts: readonly {
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
      readonly state: string;
      readonly activeAt: string;
    }[];
  };
}
interface Rules {
  readonly data: {
    readonly groups: readonly {
      readonly file: string;
      readonly name: string;
      readonly rules: readonly { readonly name: string; readonly health: string }[];
    }[];
  };
}
interface Vector {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

const alerts = (name: string) => (answer: Alerts) =>
  answer.data.alerts.some(
    ({ labels, state }) => labels["alertname"] === name && state === "firing",
  );

async function push(count: number): Promise<void> {
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const values = Array.from({ length: count }, (_, i) => [
    String(nowNs - BigInt(i)),
    `{"status": 503, "msg": "error ${i}"}`,
  ]);
  const answer = await fetch(`${server.url}/loki/api/v1/push`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ streams: [{ stream: { app: "payments" }, values }] }),
  });
  expect(answer.status).toBe(204);
}

const errorsAlert = `name: errors
interval: 1s
rules:
    - alert: AnyError
      expr: sum(count_over_time({app="payments"} |= "error" [1h])) > 1
`;

test("rules of files and of the API fire, record, and outlive kill -9", async () => {
  await push(3);
  const fired = await ask<Alerts>("/prometheus/api/v1/alerts", alerts("PaymentsFail"));
  expect(fired.data.alerts[0]).toMatchObject({
    labels: { alertname: "PaymentsFail", app: "payments", severity: "page" },
    annotations: { summary: "3 of payments" },
  });
  const recorded = await ask<Vector>(
    `/api/v1/query?${new URLSearchParams({ query: 'app:errors:count5m{app="payments"}' })}`,
    ({ data }) => data.result.length === 1,
  );
  expect(recorded.data.result[0]?.value[1]).toBe("3");
  const posted = await fetch(`${server.url}/loki/api/v1/rules/team`, {
    method: "POST",
    headers: { "content-type": "application/yaml" },
    body: errorsAlert,
  });
  expect([posted.status, await posted.json()]).toMatchObject([202, { status: "success" }]);
  const before = await ask<Alerts>("/prometheus/api/v1/alerts", alerts("AnyError"));
  const activeAt = (answer: Alerts): string | undefined =>
    answer.data.alerts.find(({ labels }) => labels["alertname"] === "AnyError")?.activeAt;

  await server.kill();
  server = await start();
  const after = await ask<Alerts>("/prometheus/api/v1/alerts", alerts("AnyError"));
  expect(activeAt(after)).toBe(activeAt(before));
  const group = await fetch(`${server.url}/api/prom/rules/team/errors`);
  expect(await group.text()).toBe(errorsAlert);
  const rules = await ask<Rules>("/prometheus/api/v1/rules", ({ data }) =>
    data.groups.every((one) => one.rules.every(({ health }) => health === "ok")),
  );
  expect(rules.data.groups.map(({ file, name }) => [file, name])).toEqual([
    ["shop.yaml", "shop"],
    ["team", "errors"],
  ]);
  const gone = await fetch(`${server.url}/loki/api/v1/rules/team/errors`, { method: "DELETE" });
  expect(gone.status).toBe(202);
  await ask<Rules>("/prometheus/api/v1/rules", ({ data }) => data.groups.length === 1);
});
