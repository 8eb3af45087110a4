/** What anything thrown says about itself, in the terms of OpenTelemetry's `exception.*` attributes. */

export interface ErrorDescription {
  /** Class name of an Error, else the JavaScript type. */
  readonly type: string;
  readonly message: string;
  /** With the stacks of its causes; undefined for what is not an Error. */
  readonly stack: string | undefined;
}

/** A chain this long is a loop or noise. */
const causesMax = 5;

export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) {
    return { type: typeof error, message: describePlain(error), stack: undefined };
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const type = error.name === "Error" ? (code ?? error.constructor.name) : error.name;
  return { type, message: error.message, stack: stackOf(error) };
}

function stackOf(error: Error): string | undefined {
  const stacks: string[] = [];
  for (
    let current: unknown = error;
    current instanceof Error && stacks.length < causesMax;
    current = current.cause
  ) {
    if (current.stack !== undefined) stacks.push(current.stack);
  }
  return stacks.length === 0 ? undefined : stacks.join("\nCaused by: ");
}

function describePlain(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
