/** What Elasticsearch allows as the name of an index or data stream. */

const BYTES_MAX = 255;
const FORBIDDEN = /[\\/*?"<>|,# \p{Cc}]/u;

/** Undefined for a name that may be used, else what is wrong with it. */
export function indexNameProblem(name: string): string | undefined {
  const shown = `[${name.slice(0, 100)}]`;
  if (name === "" || name === "." || name === "..") return `${shown}, must not be empty, . or ..`;
  if (name.length * 3 > BYTES_MAX && new TextEncoder().encode(name).length > BYTES_MAX)
    return `${shown}, index name is too long (more than ${BYTES_MAX} bytes)`;
  if (/^[-_+]/.test(name)) return `${shown}, must not start with '_', '-', or '+'`;
  if (FORBIDDEN.test(name)) return `${shown}, must not contain \\ / * ? " < > | , # or spaces`;
  return name === name.toLowerCase() ? undefined : `${shown}, must be lowercase`;
}
