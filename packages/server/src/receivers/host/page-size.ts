/** The size of a page of memory: some counts of the kernel are in pages. */
import { readFile } from "node:fs/promises";

const AT_PAGESZ = 6n;
const PAGE_BYTES = 4096;

/** From the auxiliary vector of a process: pairs of a key and a value, a machine word each; little-endian and 64 bits. */
export async function pageBytes(file: string): Promise<number> {
  const vector = await readFile(file).catch(() => Buffer.alloc(0));
  for (let at = 0; at + 16 <= vector.length; at += 16)
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  return PAGE_BYTES;
}
