/**
 * Who goes first when work waits for the same thing: turns on the event loop, readers of the store. What comes in stands
 * in none of these lines; rules go before people's queries, because an alert that is late is an alert that is missing,
 * and short queries before long ones. Nobody waits for ever: who was passed over often enough is next.
 */

/** First come the first. */
export const priorities = ["rules", "interactive", "long"] as const;
export type Priority = (typeof priorities)[number];

export interface PriorityLine<T> {
  readonly length: number;
  /** Within its class behind those with the same rank or a smaller one; behind all that came before unless given. */
  push(item: T, priority: Priority, rank?: number): void;
  /** Takes the next out of the line; of some classes only, when they are named. */
  shift(only?: (priority: Priority) => boolean): T | undefined;
  /** Takes one out who does not wait any more. */
  remove(item: T): void;
}

/** A class that waits gets at least every third turn: rules that never end must not stop what people ask. */
const PASSED_OVER_MAX = 2;

export function createPriorityLine<T>(): PriorityLine<T> {
  const classes = priorities.map((priority) => ({
    priority,
    waiting: [] as { readonly item: T; readonly rank: number }[],
    passedOver: 0,
  }));
  return {
    get length() {
      return classes.reduce((sum, { waiting }) => sum + waiting.length, 0);
    },
    push(item, priority, rank = Number.POSITIVE_INFINITY) {
      const waiting = classes.find((one) => one.priority === priority)?.waiting ?? [];
      let at = waiting.length;
      while (at > 0 && (waiting[at - 1]?.rank ?? 0) > rank) at--;
      waiting.splice(at, 0, { item, rank });
    },
    shift(only = () => true) {
      const here = classes.filter(({ priority, waiting }) => waiting.length > 0 && only(priority));
      const chosen = here.findLast(({ passedOver }) => passedOver >= PASSED_OVER_MAX) ?? here[0];
      if (chosen === undefined) return undefined;
      for (const one of here) one.passedOver = one === chosen ? 0 : one.passedOver + 1;
      return chosen.waiting.shift()?.item;
    },
    remove(item) {
      for (const { waiting } of classes) {
        const at = waiting.findIndex((one) => one.item === item);
        if (at >= 0) waiting.splice(at, 1);
      }
    },
  };
}
