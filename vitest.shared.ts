/** What the three test runs (unit, integration, browser) have in common. */
export const shared = {
  resolve: { conditions: ["triptych:source"] },
  ssr: { resolve: { conditions: ["triptych:source"] } },
};

export const limits = {
  // The engine's library ends in a segmentation fault when a test runner's worker threads load it.
  pool: "forks",
  testTimeout: 60_000,
  hookTimeout: 60_000,
} as const;
