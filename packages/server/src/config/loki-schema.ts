/** What stands in the place of Loki's ruler. */
import { z } from "zod";

export const lokiSchema = z
  .strictObject({
    ruleFiles: z
      .array(z.string())
      .default([])
      .describe(
        "Files of rules over logs, as Loki's ruler takes them; patterns with `*`, `?` and `[…]` in any part. The local directory of the `ruler` of a loki.yaml is `DIRECTORY/*/*`.",
      ),
    evaluationIntervalSeconds: z
      .number()
      .positive()
      .default(60)
      .describe("How often groups of such rules are evaluated that name no interval."),
    alertmanagers: z
      .array(z.string().refine((text) => URL.canParse(text), "is not a URL"))
      .default([])
      .describe("Alertmanagers that alerts are sent to, beside those of prometheus.yml."),
    rulesApi: z
      .boolean()
      .default(true)
      .describe("Whether rules may be changed over Loki's API (`enable_api` of its ruler)."),
  })
  .prefault({})
  .describe("Rules over logs.");

export type LokiConfig = z.output<typeof lokiSchema>;
