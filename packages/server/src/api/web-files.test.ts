/** The interface's files: the icon is there under both names that browsers ask for. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createHttpServer } from "../receivers/http-server.ts";
import { registerWebFiles } from "./web-files.ts";

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
