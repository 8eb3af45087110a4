/** A secret of the configuration: it can be used, and cannot be printed by mistake. */

export interface Secret {
  /** The text itself, for the one place that sends it. */
  reveal(): string;
  toJSON(): string;
  toString(): string;
}

const MASK = "<secret>";

export function secretOf(text: string): Secret {
  return Object.freeze({
    reveal: () => text,
    toJSON: () => (text === "" ? "" : MASK),
    toString: () => (text === "" ? "" : MASK),
    [Symbol.for("nodejs.util.inspect.custom")]: () => MASK,
  });
}

export const noSecret: Secret = secretOf("");

export function isSecret(value: unknown): value is Secret {
  return typeof value === "object" && value !== null && "reveal" in value;
}
