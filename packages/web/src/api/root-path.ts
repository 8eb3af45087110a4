/** The path of the server without a slash at its end: "" unless a proxy keeps one before it. The page says it. */
export const rootPath = rootOf(globalThis.document);

function rootOf(page: Pick<Document, "querySelector"> | undefined): string {
  const said = page?.querySelector('meta[name="triptych-root"]')?.getAttribute("content") ?? "/";
  return said.replace(/\/+$/, "");
}
