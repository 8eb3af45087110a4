/** `http.externalUrl` and `http.pathPrefix`: Prometheus' `--web.external-url` and `--web.route-prefix`. */
import { z } from "zod";

/** An address to which paths are added. */
function isBase(text: string): boolean {
  if (text === "") return true;
  if (!URL.canParse(text)) return false;
  const { protocol, search, hash } = new URL(text);
  return (protocol === "http:" || protocol === "https:") && search === "" && hash === "";
}

export const externalUrlSchema = z
  .string()
  .refine(isBase, "is not an address such as https://example.org/triptych")
  .transform((text) => text.replace(/\/+$/, ""))
  .default("")
  .describe(
    "Where users reach this server, for instance behind a proxy: in links of alerts and in templates of rules. Made of `listen` and the machine's name when empty.",
  );

export const pathPrefixSchema = z
  .string()
  .refine(
    (text) => text === "" || /^\/?(?:[\w.~-]+\/)*[\w.~-]*$/.test(text),
    "is not a path such as /triptych",
  )
  .transform((text) => {
    const bare = text.replace(/^\/+|\/+$/g, "");
    return bare === "" ? "" : `/${bare}`;
  })
  .optional()
  .describe(
    "Path before every address. Addresses without it are answered, too: a proxy may take it away or leave it.",
  );

/** The prefix that is in effect. */
export function pathPrefixOf(given: string | undefined, externalUrl: string): string {
  if (given !== undefined) return given;
  return externalUrl === "" ? "" : new URL(externalUrl).pathname.replace(/\/+$/, "");
}
