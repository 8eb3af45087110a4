/** Stages of our own sections: promtail's, with short forms for what most sources need. */
import { stringify } from "yaml";
import { configError, createYamlReader } from "../prometheus/yaml-reader.ts";
import { readStages, type StagePlan } from "./stages.ts";

/** `where` stands in messages. Throws `config_invalid`. */
export function nativePlans(
  where: string,
  settings: {
    readonly format: "plain" | "docker" | "cri";
    readonly multiline: string;
    readonly stages: readonly { readonly [name: string]: unknown }[];
  },
): readonly StagePlan[] {
  const stages: { readonly [name: string]: unknown }[] = [];
  if (settings.format !== "plain") stages.push({ [settings.format]: {} });
  if (settings.multiline !== "") stages.push({ multiline: { firstline: settings.multiline } });
  stages.push(...settings.stages);
  if (stages.length === 0) return [];
  const reader = createYamlReader(stringify(stages), `${where}.stages`, ".");
  const plans = readStages(reader, reader.root);
  reader.finish();
  // What promtail's file may have and we read over was written for us here.
  const [unserved] = reader.remarks();
  if (unserved !== undefined) throw configError(unserved);
  return plans;
}
