/** Lets some run at the same time; the others wait for their turn, first come first served. */

export interface Gate {
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** Waiting is bounded by who calls: each group waits once. */
export function createGate(max: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run(work) {
      if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running--;
        else next();
      }
    },
  };
}
