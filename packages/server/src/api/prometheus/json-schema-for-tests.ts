/**
 * Compares a JSON value with a schema of an OpenAPI document: the keywords that Prometheus' description uses. Gives
 * what differs, each with its place; unknown keywords are an error, so that none is passed over. Tests only.
 */
export type Schema = { readonly [keyword: string]: unknown };

const ignored = new Set(["description", "title", "format", "default", "example", "examples"]);
const checked = new Set([
  ...["$ref", "type", "enum", "oneOf", "anyOf", "properties", "required"],
  ...["additionalProperties", "items", "minItems", "maxItems", "minimum"],
]);

export function differences(
  value: unknown,
  schema: Schema,
  document: Schema,
  place = "$",
): readonly string[] {
  const unknown = Object.keys(schema).filter((key) => !ignored.has(key) && !checked.has(key));
  if (unknown.length > 0) throw new Error(`keyword ${unknown.join()} at ${place}`);
  const { $ref, oneOf, anyOf } = schema;
  if (typeof $ref === "string") return differences(value, resolve($ref, document), document, place);
  const choices = (oneOf ?? anyOf) as readonly Schema[] | undefined;
  if (choices !== undefined) {
    const all = choices.map((one) => differences(value, one, document, place));
    return all.some((one) => one.length === 0)
      ? []
      : [`${place}: none of ${all.length}: ${all[0]}`];
  }
  const wrong = [...ofType(value, schema, place)];
  if (wrong.length > 0) return wrong;
  if (Array.isArray(value)) return ofArray(value, schema, document, place);
  if (typeof value === "object" && value !== null)
    return ofObject(value as Schema, schema, document, place);
  return [];
}

function resolve(ref: string, document: Schema): Schema {
  return ref
    .slice(2)
    .split("/")
    .reduce<Schema>((at, name) => at[name] as Schema, document);
}

function* ofType(value: unknown, { type, enum: values, minimum }: Schema, place: string) {
  const is = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const isWhole = type === "integer" && Number.isInteger(value);
  if (type !== undefined && is !== type && !isWhole)
    yield `${place}: ${is} instead of ${String(type)}`;
  if (Array.isArray(values) && !values.includes(value)) yield `${place}: ${String(value)}`;
  if (typeof minimum === "number" && (value as number) < minimum) yield `${place}: too small`;
}

function ofArray(
  value: readonly unknown[],
  { items, minItems, maxItems }: Schema,
  document: Schema,
  place: string,
): readonly string[] {
  const { length } = value;
  if (length < Number(minItems ?? 0) || length > Number(maxItems ?? length))
    return [`${place}: ${length} items`];
  if (items === undefined) return [];
  return value.flatMap((one, at) => differences(one, items as Schema, document, `${place}[${at}]`));
}

function ofObject(
  value: Schema,
  { properties = {}, required = [], additionalProperties }: Schema,
  document: Schema,
  place: string,
): readonly string[] {
  const known = properties as { readonly [name: string]: Schema };
  const missing = (required as readonly string[]).filter((name) => !(name in value));
  return [
    ...missing.map((name) => `${place}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, one]) => {
      const own = Object.hasOwn(known, name) ? known[name] : additionalProperties;
      if (own === false) return [`${place}.${name} is not described`];
      if (own === undefined || own === true) return [];
      return differences(one, own as Schema, document, `${place}.${name}`);
    }),
  ];
}
