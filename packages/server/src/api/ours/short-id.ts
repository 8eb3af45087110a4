/** Ids for addresses of pages, from what makes a thing the same thing. */
import { createHash } from "node:crypto";

const ID_CHARS = 16;

/** Equal for equal texts; 64 bits, so two of a million differ. */
export function shortId(texts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, ID_CHARS);
}
