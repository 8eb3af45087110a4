/**
 * Assertions are for bugs: a condition that only wrong code of ours can break.
 * The world (input, disk, network) is answered with a `TriptychError` instead.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`BUG: ${message}`);
}

/** Marks a switch as exhaustive: the compiler rejects a call with a reachable value. */
export function unreachable(value: never): never {
  throw new Error(`BUG: unhandled case ${String(value)}`);
}
