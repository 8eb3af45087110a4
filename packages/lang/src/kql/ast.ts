/**
 * What is typed into the search bar as a tree: KQL, Kibana's query language, with the forms of Lucene's syntax that its
 * users type. It has no notion of types: what a field means and which values it takes is decided where it is searched.
 */
import type { Span } from "../source.ts";

/** A piece of a value or name: literal text, `*` (any characters, also none) or `?` (one character). */
export type KqlPiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "any" }
  | { readonly kind: "one" };

/** Text with wildcards. There is at least one piece, and no two texts stand side by side. */
export type KqlPattern = readonly KqlPiece[];

export type KqlValue =
  | { readonly kind: "pattern"; readonly pattern: KqlPattern }
  /** RE2, for the whole value; in free text for a part of it. */
  | { readonly kind: "regex"; readonly pattern: string };

export interface KqlField {
  readonly name: KqlPattern;
  readonly span: Span;
}

export interface KqlBound {
  readonly text: string;
  readonly inclusive: boolean;
  readonly span: Span;
}

export type KqlExpr =
  /** Nothing was asked. */
  | { readonly kind: "all" }
  /** At least two operands, none of them of the same kind. */
  | { readonly kind: "and" | "or"; readonly operands: readonly KqlExpr[] }
  | { readonly kind: "not"; readonly operand: KqlExpr }
  /** Without a field: free text. `span` is the value's. */
  | {
      readonly kind: "match";
      readonly field: KqlField | undefined;
      readonly value: KqlValue;
      readonly span: Span;
    }
  | { readonly kind: "exists"; readonly field: KqlField; readonly span: Span }
  /** At least one bound is there. */
  | {
      readonly kind: "range";
      readonly field: KqlField;
      readonly lower: KqlBound | undefined;
      readonly upper: KqlBound | undefined;
      readonly span: Span;
    };

/** The text of a pattern without wildcards, else undefined. */
export function plainText(pattern: KqlPattern): string | undefined {
  const [only] = pattern;
  return pattern.length === 1 && only?.kind === "text" ? only.text : undefined;
}

export const textPattern = (text: string): KqlPattern => [{ kind: "text", text }];

/** Whether it is `*` and nothing else. */
export function isAnything(pattern: KqlPattern): boolean {
  return pattern.every((piece) => piece.kind === "any");
}
