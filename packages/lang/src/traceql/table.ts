/** Spans of some traces as columns: what queries are evaluated over. The spans of a trace lie together. */
import type { Attribute } from "./ast.ts";
import type { Static } from "./static.ts";

export type Column = (row: number) => Static;

export interface SpanTable {
  readonly rows: number;
  /** First row of each trace, and the end of the last one. */
  readonly traceStarts: readonly number[];
  /** 16 hexadecimal digits, or "" for a span without an id, which takes no part in the tree. */
  spanId(row: number): string;
  /** "" for a root. */
  parentId(row: number): string;
  /**
   * The values of an attribute or intrinsic of the spans themselves. Nested sets, child counts and attributes of the
   * parent are never asked for: they follow from the ids.
   */
  column(attribute: Attribute): Column;
  /**
   * The value that each event of a span has, or each link, in their order; nil for those that have none. The lists of
   * all attributes of events are of one length, and so are those of links. Asked for attributes of these two only.
   */
  items(attribute: Attribute): (row: number) => readonly Static[];
}
