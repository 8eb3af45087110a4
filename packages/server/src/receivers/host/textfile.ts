/** Metrics that other programs leave in files: all `*.prom` of the configured directories. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, defaultLimits } from "@triptych/model";
import { parseExposition } from "@triptych/wire";
import { drive } from "../slices.ts";
import type { HostPart } from "./host-source.ts";

/** A file beyond this is an error, as is more of them. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const FILES_MAX = 1_000;
/** Any time that a file is unlikely to bring. */
const NOW_MS = 1;

export const textfile: HostPart = {
  name: "textfile",
  async collect({ textfileDirectories, clock }, out) {
    let failed = 0;
    const mtime = out.family(
      "node_textfile_mtime_seconds",
      "gauge",
      "Unixtime mtime of textfiles successfully read.",
    );
    for (const directory of textfileDirectories) {
      const files = await readdir(directory).catch(() => undefined);
      if (files === undefined) {
        failed = 1;
        continue;
      }
      const wanted = files.filter((name) => name.endsWith(".prom")).sort();
      if (wanted.length > FILES_MAX) failed = 1;
      for (const name of wanted.slice(0, FILES_MAX)) {
        const file = join(directory, name);
        try {
          const { mtimeMs, size } = await stat(file);
          if (size > FILE_BYTES_MAX) throw new Error("the file is too large");
          const bytes = await readFile(file);
          await check(bytes, clock);
          out.text(bytes.toString());
          mtime.add(mtimeMs / 1000, { file });
        } catch {
          failed = 1;
        }
      }
    }
    out.one(
      "node_textfile_scrape_error",
      "gauge",
      "1 if there was an error opening or reading a file, 0 otherwise",
      failed,
    );
  },
};

/** One bad file must not spoil what all others say. Throws when it is no exposition, or has times of its own. */
async function check(bytes: Uint8Array, clock: Clock): Promise<void> {
  const { batch, reason } = await drive(
    parseExposition(bytes, undefined, { limits: defaultLimits, nowMs: NOW_MS }),
    clock,
  );
  if (reason !== "") throw new Error(reason);
  for (let row = 0; row < batch.samples.rows; row++)
    if (batch.samples.timeMs[row] !== NOW_MS)
      throw new Error(
        "a sample has a time of its own, which would be that of its writing for ever",
      );
}
