/**
 * The main job in a real browser, on real input: the shop runs, a fault is turned on, an incident opens and leads to
 * the slow trace and its logs. And hostile names stay text.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type RunningServer, repositoryRoot, startServer } from "@triptych/testkit";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Shop {
  readonly urls: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const profile = mkdtempSync(join(tmpdir(), "triptych-browser-"));
let server: RunningServer;
let shop: Shop;
let browser: Browser;
let page: Page;
/** What the page complained about: errors in scripts, refused resources. */
const complaints: string[] = [];

beforeAll(async () => {
  const tool = (name: string) => import(pathToFileURL(join(repositoryRoot, "tools", name)).href);
  const { buildShop } = (await tool("build-shop.mjs")) as { buildShop(): Promise<void> };
  const { startShop } = (await tool("shop.mjs")) as {
    startShop(options: { env: Record<string, string> }): Promise<Shop>;
  };
  await buildShop();
  server = await startServer();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: server.otlpHttpUrl,
    GATEWAY_PORT: "0",
    ORDER_PORT: "0",
    PAYMENT_PORT: "0",
  };
  shop = await startShop({ env });
  browser = await chromium.launch({
    executablePath: process.env["TRIPTYCH_CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${message.text()} ${message.location().url}`);
  });
});
afterAll(async () => {
  await browser?.close();
  await shop?.stop();
  await server?.stop();
  rmSync(profile, { recursive: true, force: true });
});

const open = (path: string): Promise<unknown> => page.goto(server.url + path);

describe("the shop's data on every page", () => {
  test("traces are listed with where their time went", async () => {
    await open("/traces");
    await page.getByText("buy").first().waitFor();
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toMatch(/trace/);
  });
  test("logs are listed with levels", async () => {
    await open("/logs");
    await page.getByText("payment-service").first().waitFor();
    await page.getByRole("list", { name: "Log lines" }).waitFor();
  });
  test("metrics are browsed and drawn", async () => {
    await open("/metrics");
    await page
      .getByRole("navigation", { name: "Metrics by name" })
      .getByText("payment_latency_seconds")
      .first()
      .click();
    await page.getByRole("region", { name: "payment_latency_seconds" }).waitFor();
    expect(page.url()).toContain("payment_latency_seconds");
  });
  test("the address is the state: reloading shows the same", async () => {
    await page.reload();
    await page.getByRole("region", { name: "payment_latency_seconds" }).waitFor();
  });
});

describe("the first incident", () => {
  test("a fault in the shop becomes INC-1 within 90 s, with slow traces", async () => {
    await fetch(`${shop.urls["payment-service"]}/faults`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ slow: true }),
    });
    await open("/incidents");
    await page.getByText("INC-1").first().waitFor({ timeout: 90_000 });
    await page.getByText("INC-1").first().click();
    await page.getByText("payment-service").first().waitFor();
    expect(page.url()).toContain("/incidents/INC-1");
  });
  test("it leads to a slow trace, whose waterfall shows where the time went", async () => {
    await page.locator('a[href*="/traces/"]').first().click();
    await page.getByRole("region", { name: "Waterfall" }).waitFor();
    expect(page.url()).toMatch(/\/traces\/[0-9a-f]{32}/);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toMatch(
      /^[\d.]+\ss of [\d.]+\ss in /,
    );
  });
  test("a span opens beside, with its attributes, and has its own address", async () => {
    await page.getByRole("treeitem").first().click();
    await page.getByRole("complementary").first().waitFor();
    const address = page.url();
    await page.goto(address);
    await page.getByRole("complementary").first().waitFor();
  });
});

describe("hostile names are text", () => {
  const payloads = [
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    '"><svg onload=window.hit=1>',
    "javascript:window.hit=1",
    "{{constructor.constructor('window.hit=1')()}}",
    "\u202edesrever\u200b",
  ];
  test("in services, operations, attributes and lines", async () => {
    const now = BigInt(Date.now()) * 1_000_000n;
    const attributes = payloads.map((payload) => ({
      key: payload,
      value: { stringValue: payload },
    }));
    const post = (signal: string, body: object) =>
      fetch(`${server.otlpHttpUrl}/v1/${signal}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const traceId = "0123456789abcdef0123456789abcdef";
    for (const [i, payload] of payloads.entries()) {
      const resource = {
        attributes: [{ key: "service.name", value: { stringValue: payload } }, ...attributes],
      };
      const spanId = `00000000000000${(i + 1).toString(16).padStart(2, "0")}`;
      const span = {
        traceId,
        spanId,
        name: payload,
        startTimeUnixNano: String(now),
        endTimeUnixNano: String(now + 5_000_000n),
        attributes,
        status: { code: 2, message: payload },
      };
      const log = {
        timeUnixNano: String(now),
        body: { stringValue: payload },
        severityText: payload,
        traceId,
        spanId,
        attributes,
      };
      expect(
        (await post("traces", { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }))
          .status,
      ).toBe(200);
      expect(
        (await post("logs", { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [log] }] }] }))
          .status,
      ).toBe(200);
    }
    // Acknowledged data is visible soon, not at once.
    const answers = async (): Promise<boolean> =>
      (await fetch(`${server.url}/api/triptych/traces/${traceId}`)).ok;
    for (let left = 100; left > 0 && !(await answers()); left--)
      await new Promise((resolve) => setTimeout(resolve, 100));
    for (const path of [`/traces/${traceId}`, "/traces", "/logs", "/metrics", "/status"]) {
      await open(path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("networkidle").catch(() => {});
      expect(await page.evaluate("window.hit"), path).toBeUndefined();
      expect(
        await page.locator("main script, main [onerror], main [onload], main img").count(),
        path,
      ).toBe(0);
      expect(await page.locator('a[href^="javascript:"]').count(), path).toBe(0);
    }
  });
});

test("no page complained: no script error, nothing refused by the content security policy", () => {
  expect(complaints).toEqual([]);
});
