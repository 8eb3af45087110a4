/** Query parameters as plain data: reading, changing, and to and from the text behind the question mark. */

export type Params = { readonly [name: string]: string | readonly string[] };
export type ParamsChange = { readonly [name: string]: string | readonly string[] | undefined };

/** Parameters that belong to the frame, not to one page: they travel along every link. */
const frameParams = ["last", "from", "to", "live"] as const;

export function one(params: Params, name: string): string | undefined {
  const value = params[name];
  const first = typeof value === "string" ? value : value?.[0];
  return first === "" ? undefined : first;
}

export function many(params: Params, name: string): readonly string[] {
  const value = params[name];
  if (value === undefined) return [];
  return (typeof value === "string" ? [value] : value).filter((item) => item !== "");
}

export function parseParams(text: string): Params {
  const found: { [name: string]: string | string[] } = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const before = Object.hasOwn(found, name) ? found[name] : undefined;
    if (before === undefined) found[name] = value;
    else if (typeof before === "string") found[name] = [before, value];
    else before.push(value);
  }
  return found;
}

/** `?a=1&b=2`, or nothing. Colons, slashes and commas stay readable: they are legal in a query. */
export function printParams(params: ParamsChange): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const item of typeof value === "string" ? [value] : (value ?? [])) {
      if (item !== "") query.append(name, item);
    }
  }
  const text = query
    .toString()
    .replaceAll("%3A", ":")
    .replaceAll("%2F", "/")
    .replaceAll("%2C", ",")
    .replaceAll("%7E", "~");
  return text === "" ? "" : `?${text}`;
}

/** Sets, replaces and (with undefined, "" or an empty list) removes. */
export function changeParams(before: Params, change: ParamsChange): Params {
  const after: { [name: string]: string | readonly string[] } = { ...before };
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined || value.length === 0) delete after[name];
    else after[name] = value;
  }
  return after;
}

/** What a link to another page takes along. */
export function frameOf(params: Params): Params {
  return Object.fromEntries(
    frameParams.flatMap((name) => (params[name] === undefined ? [] : [[name, params[name]]])),
  );
}
