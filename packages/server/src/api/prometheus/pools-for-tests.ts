/** A scrape pool with one target, for the tests of what the API says about scraping. Tests only. */
import { configOf } from "../../http-client/testing.ts";
import { newState } from "../../receivers/scrape/loop.ts";
import type { PoolView } from "../../receivers/scrape/manager.ts";
import { discoveredLabels, populate } from "../../receivers/scrape/target.ts";

export function poolsForTests(): PoolView[] {
  const [config] = configOf(`scrape_configs:
  - job_name: node
    scrape_interval: 15s
    basic_auth: { username: u, password: hunter2 }
    static_configs: [{ targets: ["127.0.0.1:9100"] }]
    relabel_configs:
      - { source_labels: [__address__], target_label: at }
      - { source_labels: [at], regex: x.*, action: drop }
      - { target_label: after, replacement: "1" }
`).scrape_configs;
  if (config === undefined) throw new Error("no job");
  const group = { source: "s", labels: new Map(), targets: [] };
  const discovered = discoveredLabels(config, group, new Map([["__address__", "127.0.0.1:9100"]]));
  const populated = populate(config, () => true, discovered);
  if (populated.kind !== "target") throw new Error("no target");
  const { target } = populated;
  const state = newState();
  state.metadata.see([{ family: "up_total", type: "counter", help: "Help.", unit: "" }]);
  return [
    {
      name: "node",
      config,
      active: [
        {
          target,
          view: () => ({
            health: "up",
            lastError: "",
            lastScrapeMs: 1_700_000_000_123,
            lastSeconds: 0.5,
          }),
          state: () => state,
          start: () => {},
          stop: async () => {},
          end: () => {},
        },
      ],
      dropped: [{ discovered: new Map([["__address__", "x"]]) }],
      droppedCount: 3,
      problems: [],
    },
  ];
}
