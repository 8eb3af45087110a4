/** IP addresses given as bytes, in their usual text. */

export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** RFC 5952: the longest run of at least two zero groups is left out. An address of version 4 inside is shown as one. */
export function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[i * 2] as number) * 256 + (bytes[i * 2 + 1] as number),
  );
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0))
    return ipv4Text(bytes.subarray(12));
  let bestStart = -1;
  let bestSize = 1;
  for (let start = 0; start < 8; start++) {
    let size = 0;
    while (start + size < 8 && groups[start + size] === 0) size++;
    if (size > bestSize) {
      bestStart = start;
      bestSize = size;
    }
  }
  const texts = groups.map((group) => group.toString(16));
  if (bestStart < 0) return texts.join(":");
  return `${texts.slice(0, bestStart).join(":")}::${texts.slice(bestStart + bestSize).join(":")}`;
}
