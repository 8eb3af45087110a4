/** Which values become links. */

/** The value as an address, when it is one that is safe to open. */
export function safeHref(value: string): string | undefined {
  if (!/^(https?:\/\/|mailto:)/i.test(value) || /\s/.test(value)) return undefined;
  try {
    const url = new URL(value);
    return url.protocol === "http:" || url.protocol === "https:" || url.protocol === "mailto:"
      ? url.href
      : undefined;
  } catch {
    return undefined;
  }
}
