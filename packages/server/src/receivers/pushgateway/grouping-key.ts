/** The grouping key in the path of a push: `job/<job>/<label>/<value>…`, values base64 where the name says so. */
import { TriptychError } from "@triptych/model";

export type GroupLabels = readonly (readonly [name: string, value: string])[];

const BASE64_SUFFIX = "@base64";
const LABELS_MAX = 32;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const BASE64_URL = /^[A-Za-z0-9_-]*=*$/;

/**
 * The labels of the path that follows `/metrics/`, escaped as it was sent; `job` first, the others by name. Throws
 * `query_invalid`.
 */
export function parseGroupingKey(path: string): GroupLabels {
  const parts = path.replace(/\/$/, "").split("/").map(unescaped);
  const [first = "", job] = parts;
  if ((first !== "job" && first !== `job${BASE64_SUFFIX}`) || job === undefined)
    throw invalid("The path of a push begins with /metrics/job/<job>.");
  if (parts.length % 2 !== 0)
    throw invalid(`The label ${quoted(parts.at(-1) ?? "")} has no value.`);
  if (parts.length > LABELS_MAX * 2) throw invalid(`A group has at most ${LABELS_MAX} labels.`);
  const labels = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) {
    const given = parts[i] as string;
    const isBase64 = given.endsWith(BASE64_SUFFIX);
    const name = isBase64 ? given.slice(0, -BASE64_SUFFIX.length) : given;
    if (!LABEL_NAME.test(name) || name.startsWith("__"))
      throw invalid(`${quoted(name)} cannot be the name of a label.`);
    const value = isBase64 ? decodeBase64(name, parts[i + 1] as string) : (parts[i + 1] as string);
    // The job of the path's beginning is the group's, whatever follows.
    if (i === 0 || name !== "job") labels.set(name, value);
  }
  if (labels.get("job") === "") throw invalid("The job of a group cannot be empty.");
  const [jobLabel, ...others] = [...labels];
  return [jobLabel as [string, string], ...others.sort(([a], [b]) => (a < b ? -1 : 1))];
}

/** One text for a group: equal labels give equal keys. */
export function groupKey(labels: GroupLabels): string {
  return JSON.stringify(labels);
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(`${quoted(part)} in the path is not escaped well.`);
  }
}

/** The alphabet for addresses, with or without padding; a lone `=` is the empty value. */
function decodeBase64(name: string, text: string): string {
  const bytes = Buffer.from(text, "base64url");
  const bare = text.replace(/=+$/, "");
  if (!BASE64_URL.test(text) || bytes.toString("base64url") !== bare)
    throw invalid(`The value ${quoted(text)} of label ${quoted(name)} is not base64.`);
  return bytes.toString();
}

function invalid(message: string): TriptychError {
  return new TriptychError("query_invalid", message);
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
