/** Sharing the event loop with everything else that waits for it. */

/** Resolves when the event loop has looked for other work: what came in meanwhile goes first. */
export const letOthersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
