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
  push(item: T, priority: Priority): void;
  /** Takes the next out of the line; of some classes only, when they are named. */
  shift(only?: (priority: Priority) => boolean): T | undefined;
  /** Takes one out who does not wait any more. */
  remove(item: T): void;
}

/** A class that waits gets at least every third turn: rules that never end must not stop what people ask. */
const PASSED_OVER_MAX = 2;

export function createPriorityLine<T>(): PriorityLine<T> {
  const classes = priorities.map((priority) => ({ priority, waiting: [] as T[], passedOver: 0 }));
  return {
    get length() {
      return classes.reduce((sum, { waiting }) => sum + waiting.length, 0);
    },
    push(item, priority) {
      classes.find((one) => one.priority === priority)?.waiting.push(item);
    },
    shift(only = () => true) {
      const here = classes.filter(({ priority, waiting }) => waiting.length > 0 && only(priority));
      const chosen = here.findLast(({ passedOver }) => passedOver >= PASSED_OVER_MAX) ?? here[0];
      if (chosen === undefined) return undefined;
      for (const one of here) one.passedOver = one === chosen ? 0 : one.passedOver + 1;
      return chosen.waiting.shift();
    },
    remove(item) {
      for (const { waiting } of classes) {
        const at = waiting.indexOf(item);
        if (at >= 0) waiting.splice(at, 1);
      }
    },
  };
}
