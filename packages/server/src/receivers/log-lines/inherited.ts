/** Offsets in a positions file that promtail left, by path: what it sent is not sent again. */
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";

const BYTES_MAX = 16 * 1024 * 1024;

/** Empty when there is no such file, or it cannot be read as one. */
export async function inheritedOffsets(file: string): Promise<ReadonlyMap<string, number>> {
  const out = new Map<string, number>();
  const text = await readFile(file, "utf8").catch(() => "");
  if (text === "" || text.length > BYTES_MAX) return out;
  const value: unknown = parseDocument(text, { logLevel: "silent" }).toJS({ maxAliasCount: 0 });
  const { positions } = (value ?? {}) as { readonly positions?: unknown };
  if (typeof positions !== "object" || positions === null) return out;
  for (const [path, offset] of Object.entries(positions)) {
    const number = Number(offset);
    // Cursors of the journal stand among them, under names that are no paths.
    if (path.startsWith("/") && Number.isSafeInteger(number) && number >= 0) out.set(path, number);
  }
  return out;
}
