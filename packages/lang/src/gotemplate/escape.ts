/** Escaping of text for HTML, JavaScript and addresses, as Go does it. */

const HTML: { readonly [c: string]: string } = {
  "\0": "\ufffd",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

/** Go's `html.EscapeString`. */
export function escapeHtml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go replaces the zero character too.
  return text.replace(/[\0"'&<>]/g, (c) => HTML[c] ?? c);
}

const JS: { readonly [c: string]: string } = {
  "\\": "\\\\",
  "'": "\\'",
  '"': '\\"',
  "<": "\\u003C",
  ">": "\\u003E",
  "&": "\\u0026",
  "=": "\\u003D",
};

export function escapeJs(text: string): string {
  let out = "";
  for (const c of text) {
    const code = c.codePointAt(0) as number;
    const isPlain = code >= 0x20 && (code === 0x20 || !/[\p{C}\p{Z}]/u.test(c));
    out += JS[c] ?? (isPlain ? c : `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`);
  }
  return out;
}

/** Go's `url.QueryEscape`. */
export function queryEscape(text: string): string {
  return encodeURIComponent(wellFormed(text))
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** Half a surrogate pair has no UTF-8. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\ufffd");

/** As html/template escapes in text: a plus sign too. */
export function escapeHtmlText(text: string): string {
  return escapeHtml(text).replaceAll("+", "&#43;");
}
