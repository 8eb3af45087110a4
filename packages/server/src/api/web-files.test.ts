/** The interface's files: the icon is there under both names that browsers ask for. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createHttpServer } from "../receivers/http-server.ts";
import { registerWebFiles } from "./web-files.ts";

test("under a prefix, files are named with it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "web-"));
  writeFileSync(
    join(directory, "index.html"),
    '<meta name="triptych-root" content="/" /><script src="/theme.js"></script><a href="#main">',
  );
  writeFileSync(join(directory, "main.css"), "@font-face { src: url(/a.woff2) }");
  const app = createHttpServer({ report: () => {}, pathPrefix: "/obs" });
  registerWebFiles(app, directory, "/obs");
  const accept = { accept: "text/html" };
  for (const url of ["/obs/", "/obs", "/", "/obs/traces/1?x=/obs/"])
    expect((await app.inject({ url, headers: accept })).body).toBe(
      '<meta name="triptych-root" content="/obs/" /><script src="/obs/theme.js"></script><a href="#main">',
    );
  const { body } = await app.inject("/obs/main.css");
  expect(body).toBe("@font-face { src: url(/obs/a.woff2) }");
  await app.close();
  rmSync(directory, { recursive: true });
});

test("the icon", async () => {
  const directory = mkdtempSync(join(tmpdir(), "web-"));
  writeFileSync(join(directory, "favicon.svg"), "<svg/>");
  const app = createHttpServer({ report: () => {} });
  registerWebFiles(app, directory);
  for (const url of ["/favicon.svg", "/favicon.ico"]) {
    const { statusCode, headers, body } = await app.inject({ url });
    expect([statusCode, headers["content-type"], body]).toEqual([200, "image/svg+xml", "<svg/>"]);
  }
  await app.close();
  rmSync(directory, { recursive: true });
});
