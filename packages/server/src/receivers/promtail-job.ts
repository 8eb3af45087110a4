/** One job of a promtail file: its discoveries feed files or containers' logs; or it reads the journal, or listens. */
import { compileRelabel } from "@triptych/lang";
import type { DiscoveryConfigs } from "../config/prometheus/discovery-config.ts";
import type { Discovery } from "../config/prometheus/scrape-config.ts";
import type { PromtailConfig, PromtailJob, PromtailJournal } from "../config/promtail/load.ts";
import type { StagePlan } from "../config/promtail/stages.ts";
import { createDiscoverySet } from "./discovery/discovery-set.ts";
import type { TargetGroup } from "./discovery/target-group.ts";
import { discoveredContainers } from "./docker-logs/containers.ts";
import { createDockerLogs } from "./docker-logs/docker-logs.ts";
import { fileTargets } from "./files/discovered-targets.ts";
import { createFileTailer } from "./files/tailer.ts";
import { createJournalReader } from "./journal/journal.ts";
import { journalLines, promtailLabels } from "./journal/journal-lines.ts";
import { inheritedOffsets } from "./log-lines/inherited.ts";
import type { Stage } from "./log-stages/entry.ts";
import { compileStages } from "./log-stages/pipeline.ts";
import type { Source, SourceContext } from "./log-lines/source.ts";
import { startNetworkTargets } from "./promtail-network/start.ts";

/** promtail looks for the configuration's `job_name`; several files may have the same. */
const jobKey = (job: PromtailJob, { file }: PromtailConfig): string => `${file} ${job.name}`;

export async function startPromtailJob(
  job: PromtailJob,
  config: PromtailConfig,
  context: SourceContext,
): Promise<Source[]> {
  const sources: Source[] = [];
  const plans = [...limitPlans(config), ...job.stages];
  const stage = plans.length === 0 ? undefined : compileStages(plans, context.stageDeps);
  const all = stage ?? compileStages([], context.stageDeps);
  if (job.journal !== undefined)
    sources.push(startJournal(job.journal, { job, config, context, stage: all }));
  const network = { job, config, stage: all, key: jobKey(job, config) };
  sources.push(...(await startNetworkTargets(network, context)));
  const { docker_sd_configs: dockers, ...others } = job.discovery.configs;
  for (const [i, one] of dockers.entries()) {
    const logs = createDockerLogs(one.host, {
      ...context,
      client: one,
      stage: all,
      job: `${jobKey(job, config)} ${i}`,
    });
    const relabel = compileRelabel(job.relabel, context.compileRegex);
    const options = { relabel, externalLabels: config.externalLabels };
    const configs = { ...none, docker_sd_configs: [one] };
    const stop = discover({ configs, unsupported: [] }, job, {
      context,
      take: (groups) => logs.setContainers(discoveredContainers(groups, options)),
    });
    sources.push({ close: () => logs.close() }, { close: stop });
  }
  const discovery = {
    configs: { ...others, docker_sd_configs: [] },
    unsupported: job.discovery.unsupported,
  };
  if (hasAny(discovery))
    sources.push(...(await startFiles(discovery, { job, config, context, stage })));
  return sources;
}

const none: DiscoveryConfigs = {
  static_configs: [],
  file_sd_configs: [],
  http_sd_configs: [],
  dns_sd_configs: [],
  docker_sd_configs: [],
  dockerswarm_sd_configs: [],
  kubernetes_sd_configs: [],
  consul_sd_configs: [],
};

const hasAny = ({ configs, unsupported }: Discovery): boolean =>
  unsupported.length > 0 || Object.values(configs).some((list) => list.length > 0);

function discover(
  discovery: Discovery,
  job: PromtailJob,
  how: {
    readonly context: SourceContext;
    readonly take: (groups: readonly TargetGroup[]) => void;
  },
): () => void {
  const { context, take } = how;
  const set = createDiscoverySet(discovery, {
    ...context,
    failed(key, message) {
      context.log("warn", `discovery of log sources failed: ${message}`, { job: job.name, key });
      context.problems.raise(`logs_discovery ${job.name} ${key}`, message, 5 * 60_000);
    },
  });
  set.start(take);
  return () => set.close();
}

interface JobParts {
  readonly job: PromtailJob;
  readonly config: PromtailConfig;
  readonly context: SourceContext;
}

async function startFiles(
  discovery: Discovery,
  { job, config, context, stage }: JobParts & { readonly stage: Stage | undefined },
): Promise<Source[]> {
  const { limits } = config;
  const tailer = createFileTailer(
    {
      job: jobKey(job, config),
      stage,
      encoding: job.encoding,
      compression: job.decompression?.format,
      compressionDelayMs: job.decompression?.delayMs ?? 0,
      ignoreOlderMs: 0,
      startAt: "beginning",
      lineBytes: { max: limits.max_line_size, cut: limits.max_line_size_truncate },
      scanMs: config.syncPeriodMs,
      inherited: await inheritedOffsets(config.positionsFile),
    },
    context,
  );
  const relabel = compileRelabel(job.relabel, context.compileRegex);
  let said = "";
  const stop = discover(discovery, job, {
    context,
    take(groups) {
      const options = {
        relabel,
        hostname: context.hostname,
        externalLabels: config.externalLabels,
      };
      const { targets, dropped } = fileTargets(groups, options);
      const text = [...dropped].map(([reason, count]) => `${count}: ${reason}`).join(", ");
      if (text !== said) context.log("info", `log targets left out: ${text}`, { job: job.name });
      said = text;
      tailer.setTargets(targets);
    },
  });
  tailer.start();
  return [{ close: stop }, tailer];
}

/** `limits_config` as stages before those of the job. */
function limitPlans({ limits }: PromtailConfig): StagePlan[] {
  const plans: StagePlan[] = [];
  const fail = (message: string): never => {
    throw new Error(message);
  };
  if (limits.max_line_size > 0 && !limits.max_line_size_truncate)
    plans.push({
      kind: "drop",
      fail,
      config: {
        source: [],
        separator: ";",
        value: undefined,
        expression: undefined,
        older_than: undefined,
        longer_than: limits.max_line_size,
        drop_counter_reason: "line_too_long",
      },
    });
  if (limits.readline_rate_enabled)
    plans.push({
      kind: "limit",
      fail,
      config: {
        rate: limits.readline_rate,
        burst: limits.readline_burst,
        drop: limits.readline_rate_drop,
        by_label_name: "",
        max_distinct_labels: 0,
      },
    });
  return plans;
}

function startJournal(
  journal: PromtailJournal,
  { job, config, context, stage }: JobParts & { readonly stage: Stage },
): Source {
  const relabel = compileRelabel(job.relabel, context.compileRegex);
  const labels = promtailLabels({
    labels: journal.labels,
    relabel,
    externalLabels: config.externalLabels,
    job: job.name,
  });
  const reader = createJournalReader(
    {
      job: jobKey(job, config),
      stage,
      line: journalLines(labels, journal.json),
      source: {
        kind: "journalctl",
        program: "journalctl",
        directory: journal.path,
        matches: journal.matches.split(/\s+/).filter((one) => one !== ""),
        maxAgeMs: journal.max_age,
      },
    },
    context,
  );
  void reader.start();
  return reader;
}
