/**
 * The search bar and the patterns of lines in a real browser: what is typed finds its lines, mistakes are marked where
 * they are, suggestions are taken with the keyboard, and the address holds it all.
 */
import { type RunningServer, startServer } from "@triptych/testkit";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let server: RunningServer;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

const severities = { info: 9, error: 17 } as const;

function record(body: string, level: keyof typeof severities, agoMs: number): object {
  const ns = BigInt(Date.now() - agoMs) * 1_000_000n;
  return {
    timeUnixNano: String(ns),
    severityNumber: severities[level],
    body: { stringValue: body },
    attributes: [{ key: "user", value: { stringValue: "bob" } }],
  };
}

async function send(service: string, logRecords: readonly object[]): Promise<void> {
  const attributes = [{ key: "service.name", value: { stringValue: service } }];
  const answer = await fetch(`${server.otlpHttpUrl}/v1/logs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }],
    }),
  });
  expect(answer.status).toBe(200);
}

beforeAll(async () => {
  server = await startServer();
  const many = Array.from({ length: 20 }, (_, i) =>
    record(`user ${i} logged in`, "info", 5_000 + i),
  );
  await send("user-service", [...many, record("Login failed: db-1 refused", "error", 4_000)]);
  await send("cart", [record("<img src=x onerror=alert(1)> full", "info", 3_000)]);
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

const lines = () => page.getByRole("list", { name: "Log lines" });
const bar = () => page.getByRole("combobox", { name: "Search" });

describe("the language face", () => {
  test("finds what is typed, and the address holds it", async () => {
    await page.goto(`${server.url}/logs?last=1h`);
    await lines().getByText("Login failed").waitFor();
    await page.getByRole("button", { name: "KQL" }).click();
    await bar().fill('level: "ERROR" AND service: "user-service" AND @timestamp >= now-1h');
    await bar().press("Enter");
    await page.waitForURL(/search=/);
    await lines().getByText("logged in").first().waitFor({ state: "hidden" });
    expect(await lines().getByRole("listitem").count()).toBe(1);
    await page.reload();
    await lines().getByText("Login failed").waitFor();
    expect(await bar().inputValue()).toContain("now-1h");
  });
  test("a mistake is told with its place and changes nothing", async () => {
    const before = page.url();
    await bar().fill("level: error and (refused or");
    await page.getByRole("option").first().waitFor();
    await bar().press("Escape");
    await page.getByText(/At character \d+/).waitFor();
    expect(await bar().getAttribute("aria-invalid")).toBe("true");
    await bar().press("Enter");
    expect(page.url()).toBe(before);
  });
  test("suggestions are taken with the keyboard", async () => {
    await bar().fill("serv");
    await page.getByRole("option", { name: "service field" }).first().waitFor();
    await bar().press("ArrowDown");
    await bar().press("Enter");
    await expect.poll(() => bar().inputValue()).toBe("service: ");
    await bar().pressSequentially("ca");
    await page.getByRole("option", { name: "cart value" }).waitFor();
    await bar().press("ArrowDown");
    await bar().press("Tab");
    await expect.poll(() => bar().inputValue()).toBe("service: cart ");
    await bar().press("Escape");
    await bar().press("Enter");
    await lines().getByText("<img src=x").waitFor();
  });
});

describe("patterns", () => {
  test("are listed beside lines, and lead to their lines", async () => {
    await page.goto(`${server.url}/logs?last=1h`);
    await page.getByRole("tab", { name: "Patterns" }).click();
    const row = page.getByRole("row").filter({ hasText: "logged in" });
    await row.waitFor();
    expect(await row.innerText()).toContain("20");
    await row.getByRole("button").click();
    await page.getByRole("menuitem", { name: "Lines of this pattern" }).click();
    await lines().getByText("user 7 logged in").waitFor();
    // The lines of before stay until those of the pattern are there.
    await lines().getByText("Login failed").first().waitFor({ state: "detached" });
    expect(new URL(page.url()).searchParams.get("pattern")).toBe("user <_> logged in");
  });
});

test("nothing complained", () => expect(complaints).toEqual([]));
