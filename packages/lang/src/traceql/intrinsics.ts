/** The intrinsics of a span: their names, where they belong, and their types. Parser, checker and editor read this list. */
import type { Static } from "./static.ts";

export interface IntrinsicSpec {
  /** The form that is printed. */
  readonly name: string;
  /** Other forms that mean the same. */
  readonly also?: readonly string[];
  readonly type: Static["type"] | "attribute";
  readonly doc: string;
}

export const intrinsics = [
  { name: "name", also: ["span:name"], type: "string", doc: "Name of the span." },
  { name: "status", also: ["span:status"], type: "status", doc: "ok, error or unset." },
  {
    name: "statusMessage",
    also: ["span:statusMessage"],
    type: "string",
    doc: "What goes with the status.",
  },
  { name: "kind", also: ["span:kind"], type: "kind", doc: "server, client, producer, …" },
  { name: "duration", also: ["span:duration"], type: "duration", doc: "How long the span took." },
  { name: "span:id", type: "string", doc: "Id of the span, 16 hexadecimal digits." },
  { name: "span:parentID", type: "string", doc: "Id of the span's parent." },
  {
    name: "span:childCount",
    also: ["childCount"],
    type: "int",
    doc: "How many direct children the span has.",
  },
  { name: "trace:id", type: "string", doc: "Id of the trace, 32 hexadecimal digits." },
  {
    name: "traceDuration",
    also: ["trace:duration"],
    type: "duration",
    doc: "From the first start to the last end in the trace.",
  },
  { name: "rootName", also: ["trace:rootName"], type: "string", doc: "Name of the root span." },
  {
    name: "rootServiceName",
    also: ["trace:rootService"],
    type: "string",
    doc: "Service of the root span.",
  },
  { name: "event:name", type: "string", doc: "Name of an event of the span." },
  {
    name: "event:timeSinceStart",
    type: "duration",
    doc: "Time of an event after the span's start.",
  },
  { name: "link:traceID", type: "string", doc: "Trace that the span links to." },
  { name: "link:spanID", type: "string", doc: "Span that the span links to." },
  { name: "instrumentation:name", type: "attribute", doc: "Name of the scope." },
  { name: "instrumentation:version", type: "attribute", doc: "Version of the scope." },
  { name: "nestedSetLeft", type: "int", doc: "Place in the tree: grows downwards." },
  { name: "nestedSetRight", type: "int", doc: "Place in the tree: larger than all below." },
  { name: "nestedSetParent", type: "int", doc: "nestedSetLeft of the parent; -1 for a root." },
  { name: "parent", type: "nil", doc: "The parent span. Parsed, not evaluated." },
] as const satisfies readonly IntrinsicSpec[];

export type IntrinsicName = (typeof intrinsics)[number]["name"];

const byForm = new Map<string, (typeof intrinsics)[number]>();
for (const spec of intrinsics) {
  byForm.set(spec.name, spec);
  if ("also" in spec) for (const form of spec.also) byForm.set(form, spec);
}

/** Finds an intrinsic by any of its forms. */
export function intrinsicOf(form: string): (typeof intrinsics)[number] | undefined {
  return byForm.get(form);
}
