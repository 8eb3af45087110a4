/** Runs a kernel of `lang/trace` without holding the event loop. */
import { createPacing } from "../pacing.ts";

export async function paced<T>(steps: Generator<void, T>): Promise<T> {
  const pacing = createPacing();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await pacing.pause();
  }
}
