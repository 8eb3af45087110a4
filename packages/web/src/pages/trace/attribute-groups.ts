/** Attributes in the order a person looks for them: what failed, the call, the data store, the rest, the resource. */
import type { Attribute } from "@triptych/contract";

const groups: readonly (readonly [name: string, prefixes: readonly string[]])[] = [
  ["Error", ["error.", "exception."]],
  [
    "HTTP and network",
    ["http.", "url.", "server.", "client.", "network.", "net.", "user_agent.", "tls."],
  ],
  ["Database", ["db."]],
  ["Messaging", ["messaging."]],
  ["RPC", ["rpc.", "grpc."]],
  ["Code", ["code.", "thread."]],
];
const otherName = "This span";

export interface AttributeGroup {
  readonly name: string;
  readonly scope: "span" | "resource";
  readonly attributes: readonly Attribute[];
}

/** Groups with at least one attribute whose key or value contains the words; own ones first, the resource last. */
export function groupAttributes(
  own: readonly Attribute[],
  resource: readonly Attribute[],
  words: string,
): AttributeGroup[] {
  const needle = words.trim().toLowerCase();
  const wanted = ([key, , value]: Attribute) =>
    needle === "" || key.toLowerCase().includes(needle) || value.toLowerCase().includes(needle);
  const byKey = (a: Attribute, b: Attribute) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
  const found = new Map<string, Attribute[]>([
    ["Error", []],
    [otherName, []],
  ]);
  for (const [name] of groups) if (!found.has(name)) found.set(name, []);
  for (const attribute of own) {
    if (!wanted(attribute)) continue;
    const key = attribute[0];
    const name = groups.find(([, prefixes]) =>
      prefixes.some((prefix) => key.startsWith(prefix)),
    )?.[0];
    found.get(name ?? otherName)?.push(attribute);
  }
  const list: AttributeGroup[] = [...found].map(([name, attributes]) => ({
    name,
    scope: "span",
    attributes: attributes.sort(byKey),
  }));
  list.push({
    name: "Resource",
    scope: "resource",
    attributes: resource.filter(wanted).sort(byKey),
  });
  return list.filter((group) => group.attributes.length > 0);
}
