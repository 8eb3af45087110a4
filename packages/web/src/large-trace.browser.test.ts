/**
 * A trace of 20,000 spans in a real browser: rows are drawn only where they are seen, and scrolling, finding, folding and
 * the details of a span work. Nothing is timed.
 */
import { type RunningServer, startServer } from "@triptych/testkit";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spans = 20_000;
const spansPerRequest = 2_000;
let server: RunningServer;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

const spanIdOf = (n: number): string => (n + 1).toString(16).padStart(16, "0");

/** A tree ten wide, with times that nest. */
function spanOf(n: number, baseNs: bigint): object {
  const startNs = baseNs + BigInt(n) * 1_000n;
  const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
  return {
    traceId,
    spanId: spanIdOf(n),
    ...(n > 0 && { parentSpanId: spanIdOf(Math.floor((n - 1) / 10)) }),
    name: `operation ${n % 200}`,
    kind: 1,
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + 50_000_000n),
    attributes: [attribute("order", `order-${n}`), attribute("<b>key</b>", '"quoted" \\ text')],
    ...(n % 1_000 === 7 && { status: { code: 2, message: `failed at ${n}` } }),
    ...(n === 4_321 && { events: [{ timeUnixNano: String(startNs), name: "only event" }] }),
  };
}

beforeAll(async () => {
  server = await startServer();
  const baseNs = BigInt(Date.now() - 60_000) * 1_000_000n;
  const attributes = [{ key: "service.name", value: { stringValue: "shop" } }];
  for (let from = 0; from < spans; from += spansPerRequest) {
    const some = Array.from({ length: spansPerRequest }, (_, i) => spanOf(from + i, baseNs));
    const answer = await fetch(`${server.otlpHttpUrl}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: some }] }],
      }),
    });
    expect(answer.status).toBe(200);
  }
  browser = await chromium.launch({
    executablePath: process.env["TRIPTYCH_CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  });
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => complaints.push(error.message));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const rows = () => page.getByRole("treeitem");
const find = () => page.getByLabel("Find in this trace");

describe("a trace of 20,000 spans", () => {
  test("is stored", async () => {
    await expect
      .poll(
        async () => {
          const answer = await fetch(`${server.url}/api/triptych/traces/${traceId}?details=small`);
          const { columns } = (await answer.json()) as { columns?: { spanId: string[] } };
          return columns?.spanId.length;
        },
        { timeout: 30_000 },
      )
      .toBe(spans);
  });
  test("has its rows, and draws only those that are seen", async () => {
    await page.goto(`${server.url}/traces/${traceId}`);
    await rows().first().waitFor();
    await page.getByText("20,000 spans").first().waitFor();
    expect(await rows().count()).toBeLessThan(200);
  });
  test("its end is there after scrolling", async () => {
    const before = await rows().last().getAttribute("id");
    await page.locator(".spans").evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await expect.poll(() => rows().last().getAttribute("id")).not.toBe(before);
    expect(await rows().count()).toBeLessThan(200);
  });
  test("an attribute is found though the page does not hold it", async () => {
    await find().fill("order-4321");
    await page.getByText("1 span", { exact: true }).waitFor();
    await find().press("Enter");
    await page.waitForURL(new RegExp(`span=${spanIdOf(4_321)}`));
    await page.getByText("1 of 1").waitFor();
  });
  test("the details of a span are read when it is opened", async () => {
    const drawer = page.getByRole("complementary", { name: "Span" });
    await drawer.getByText("order-4321").waitFor();
    await drawer.getByText("<b>key</b>").waitFor();
    await drawer.getByRole("tab", { name: /Events/ }).click();
    await drawer.getByText("only event").waitFor();
  });
  test("what failed can be shown alone", async () => {
    await find().fill("");
    await page.getByRole("button", { name: "Errors" }).click();
    await expect
      .poll(() => page.getByRole("tree").getAttribute("aria-label"))
      .toMatch(/ of 20,000\sspans/);
    await expect
      .poll(() => page.getByRole("treeitem", { name: /failed/ }).count())
      .toBeGreaterThan(5);
    await page.getByRole("button", { name: "All", exact: true }).click();
  });
  test("levels fold", async () => {
    const label = () => page.getByRole("tree").getAttribute("aria-label");
    const before = await label();
    await page.getByRole("button", { name: "Fold one level", exact: true }).click();
    await expect.poll(label).not.toBe(before);
  });
  test("nothing went wrong on the page", () => {
    expect(complaints).toEqual([]);
  });
});
