/** Runs a kernel of `lang/trace` without holding the event loop. */
import { createPacing, inSteps } from "../pacing.ts";

export const paced = <T>(steps: Generator<void, T>): Promise<T> => inSteps(steps, createPacing());
