/** Rules of `prometheus.yml`: evaluated here, their alerts listed and sent to the Alertmanagers it names. */
import { readFileSync } from "node:fs";
import type { AlertmanagerState } from "@triptych/contract";
import { compileRelabel } from "@triptych/lang";
import { type AlertmanagerTarget, createAlertmanagers } from "../alerting/alertmanagers.ts";
import { createAlerts } from "../alerting/alerts.ts";
import { postJsonWith } from "../alerting/http-post.ts";
import { createRulesView } from "../api/prometheus/rules.ts";
import { alertmanagersAt } from "../config/loki-alertmanagers.ts";
import type { LokiConfig } from "../config/loki-schema.ts";
import type { RulesView } from "../api/prometheus/views.ts";
import type { PrometheusConfig } from "../config/prometheus/load.ts";
import type { AlertmanagerConfig } from "../config/prometheus/sections.ts";
import { type RuleGroupConfig, requireRuleFile } from "../config/rules/rule-file.ts";
import { expandRulePaths } from "../config/rules/rule-paths.ts";
import { createHttpClient, type HttpClient } from "../http-client/client.ts";
import { createAttributeKeys } from "../query/logs/attribute-keys.ts";
import type { MetricsSource } from "../query/metrics/source.ts";
import {
  createDiscoveredAddresses,
  type DiscoveredAddresses,
} from "../receivers/discovery/addresses.ts";
import type { IngestNext } from "../receivers/next.ts";
import { compileRegex } from "../regex/compile.ts";
import { createLogRuleQuery } from "../rules/log-query.ts";
import { createLokiRuler, type LokiRuler } from "../rules/loki-ruler.ts";
import { createRuleSets } from "../rules/rule-sets.ts";
import { createRules } from "../rules/rules.ts";
import type { SavedRule } from "../rules/saved-alerts.ts";
import { type SavedRuleGroup, STORED_RULES_KIND } from "../rules/stored-rules.ts";
import type { RuleGroupView } from "../rules/view.ts";
import { systemClock as clock } from "../self/clock.ts";
import { createSavedState } from "../store/saved-state.ts";
import type { Core } from "./core.ts";
import { VERSION } from "./status.ts";
import type { Storage } from "./storage.ts";

/** An acknowledgement; what is longer is not read. */

export interface RulesParts {
  readonly view: RulesView;
  readonly groups: () => readonly RuleGroupView[];
  readonly alertmanagers: () => readonly AlertmanagerState[];
  readonly loki: LokiRuler;
  /** Reads the rule files that the configuration names. Throws `config_invalid` and changes nothing when one is wrong. */
  readonly read: (config: PrometheusConfig) => () => Promise<void>;
  /** The same for rules over logs. */
  readonly readLoki: (config: LokiConfig) => () => Promise<void>;
  readonly start: () => void;
}

export function createRulesParts(
  core: Core,
  parts: {
    readonly storage: Storage;
    readonly source: MetricsSource;
    readonly next: IngestNext;
    readonly config: PrometheusConfig;
    /** Of the configuration that is loaded then: subqueries without a step take it. */
    readonly evaluationIntervalMs: () => number;
  },
): RulesParts {
  const { log, metrics } = core;
  const alertmanagers = createAlertmanagers({ clock, log, metrics });
  const { engine } = parts.storage.store;
  const found = createFound(core, (targets) => void alertmanagers.set(targets));
  const externalLabels = [...parts.config.global.external_labels];
  const { externalUrl } = core;
  const alerts = createAlerts({ clock, externalLabels, externalUrl, receivers: [alertmanagers] });
  const rules = createRules({
    clock,
    source: parts.source,
    memory: core.queryMemory,
    next: parts.next,
    saved: createSavedState<SavedRule>("alert_rule", parts.storage),
    log,
    metrics,
    externalLabels,
    externalUrl,
    notify: alerts.notify,
    queryTimeoutMs: core.limits.queryTimeoutMs,
    subqueryIntervalMs: parts.evaluationIntervalMs,
    logs: createLogRuleQuery({ engine, clock, keys: createAttributeKeys(engine) }),
  });
  const sets = createRuleSets(rules);
  const loki = createLokiRuler({
    clock,
    sets,
    saved: createSavedState<SavedRuleGroup>(STORED_RULES_KIND, parts.storage),
    report: (error) => log("error", error.message, { code: error.code }),
  });
  let told = { prometheus: parts.config.alerting.alertmanagers, loki: alertmanagersAt([]) };
  const tell = (changed: Partial<typeof told>): void => {
    told = { ...told, ...changed };
    found.apply([...told.prometheus, ...told.loki]);
  };
  core.onClose(async () => {
    await loki.close();
    await rules.close();
    found.close();
    await alertmanagers.close();
  });
  return {
    view: createRulesView({
      groups: () => rules.view(),
      alertmanagers: () => alertmanagers.urls(),
    }),
    groups: () => rules.view(),
    loki,
    alertmanagers: () => alertmanagers.states(),
    readLoki(config) {
      const apply = loki.read(config);
      return async () => {
        await apply();
        tell({ loki: alertmanagersAt(config.alertmanagers) });
      };
    },
    read(config) {
      const groups = groupsOf(config);
      return async () => {
        const labels = [...config.global.external_labels];
        const relabel = compileRelabel(config.alerting.alert_relabel_configs, compileRegex);
        alerts.set({ externalLabels: labels, relabel });
        await sets.set("prometheus", groups, {
          externalLabels: labels,
          defaultIntervalMs: config.global.evaluation_interval,
          defaultQueryOffsetMs: config.global.rule_query_offset,
        });
        tell({ prometheus: config.alerting.alertmanagers });
      };
    },
    start() {
      rules.start();
      loki.start();
    },
  };
}

function groupsOf(config: PrometheusConfig): RuleGroupConfig[] {
  // Reading the configuration has joined them to its folder.
  const files = expandRulePaths(config.rule_files, ".");
  return files.flatMap((file) => requireRuleFile(readFileSync(file, "utf8"), file).groups);
}

interface Group {
  readonly addresses: DiscoveredAddresses;
  /** The targets of the addresses that were there last: a target that stays keeps its queue. */
  readonly targets: Map<string, AlertmanagerTarget>;
  readonly clients: HttpClient[];
}

/** The Alertmanagers that discovery finds. */
function createFound(core: Core, tell: (targets: readonly AlertmanagerTarget[]) => void) {
  let groups: Group[] = [];
  const deps = {
    clock,
    random: Math.random,
    env: process.env,
    createClient: (config: AlertmanagerConfig | Parameters<typeof createHttpClient>[0]) =>
      createHttpClient(config, { clock, env: process.env, userAgent: `Triptych/${VERSION}` }),
    compileRegex,
    failed: (discovery: string, message: string) =>
      core.log("warn", `discovery of Alertmanagers: ${message}`, { discovery }),
  };
  const tellAll = (): void => tell(groups.flatMap(({ targets }) => [...targets.values()]));
  const close = (): void => {
    for (const { addresses, clients } of groups) {
      addresses.close();
      for (const client of clients) client.close();
    }
    groups = [];
  };
  return {
    close,
    apply(configs: readonly AlertmanagerConfig[]): void {
      close();
      groups = configs.map((config) => {
        const client = deps.createClient(config);
        const relabel = compileRelabel(config.alert_relabel_configs, compileRegex);
        const targets = new Map<string, AlertmanagerTarget>();
        const addresses = createDiscoveredAddresses(config, {
          ...deps,
          onChange() {
            const active = new Set(addresses.active());
            for (const url of targets.keys()) if (!active.has(url)) targets.delete(url);
            for (const url of active)
              if (!targets.has(url))
                targets.set(url, {
                  url,
                  post: postJsonWith(client),
                  timeoutMs: config.timeout,
                  relabel,
                });
            tellAll();
          },
        });
        return { addresses, targets, clients: [client] };
      });
      for (const { addresses } of groups) addresses.start();
      tellAll();
    },
  };
}
