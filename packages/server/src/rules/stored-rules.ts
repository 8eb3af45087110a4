/**
 * Groups of rules over logs that come through Loki's API: kept in the store, so that an acknowledged one survives, and
 * evaluated from then on.
 */
import { asTriptychError, type Clock, TriptychError } from "@triptych/model";
import { requireLokiGroup } from "../config/rules/loki-rules.ts";
import type { RuleGroupConfig } from "../config/rules/rule-file.ts";
import type { SavedState } from "../store/saved-state.ts";

export const STORED_RULES_KIND = "loki_rule_group";

/** One group as it is saved. */
export interface SavedRuleGroup {
  readonly namespace: string;
  readonly name: string;
  /** YAML as it came; "" for a group that was deleted. */
  readonly text: string;
  readonly version: number;
}

export interface StoredRules {
  /** Reads what was kept and evaluates it; what fails is tried again. Resolves at once. */
  start(): void;
  /** By namespace and name. Throws `store_unavailable` until they were read; all that follows rejects with it then. */
  list(): readonly RuleGroupConfig[];
  /** Resolves when the group will survive a crash and is evaluated. Rejects with `query_invalid` and the place. */
  set(namespace: string, text: string): Promise<void>;
  /** Rejects with `not_found`, as `deleteNamespace`. */
  deleteGroup(namespace: string, name: string): Promise<void>;
  deleteNamespace(namespace: string): Promise<void>;
  /** Hands the groups on once more, where they have been read. */
  apply(): Promise<void>;
  /** Ends attempts to read. Safe to call twice. */
  close(): Promise<void>;
}

export interface StoredRulesDeps {
  readonly clock: Clock;
  readonly saved: SavedState<SavedRuleGroup>;
  /** Takes over all groups. */
  readonly apply: (groups: readonly RuleGroupConfig[]) => Promise<void>;
  /** Groups of files, which win: what stands in a file is changed there. */
  readonly inFiles: () => readonly RuleGroupConfig[];
  readonly report: (error: TriptychError) => void;
}

export const storedRulesLimits = {
  /** A group is evaluated rule by rule; more does not end within an interval. */
  rulesMax: 1_000,
  /** All are held in memory, and each has a timer. */
  groupsMax: 2_000,
  /** A thousand rules of usual length. */
  textBytesMax: 512 * 1024,
  nameCharsMax: 256,
} as const;

const RETRY_MS = 2_000;

interface Stored {
  readonly group: RuleGroupConfig;
  readonly saved: SavedRuleGroup;
}

export function createStoredRules(deps: StoredRulesDeps): StoredRules {
  return new Keeper(deps);
}

const keyOf = (namespace: string, name: string): string => JSON.stringify([namespace, name]);

class Keeper implements StoredRules {
  private readonly deps: StoredRulesDeps;
  private stored: Map<string, Stored> | undefined;
  private version = 0;
  private closed = false;
  private cancel = (): void => {};
  /** Changes run one after the other. */
  private last: Promise<void> = Promise.resolve();

  constructor(deps: StoredRulesDeps) {
    this.deps = deps;
  }

  start(): void {
    this.last = this.last.then(() => this.load());
  }

  private async load(): Promise<void> {
    try {
      const all = await this.deps.saved.load();
      if (this.closed) return;
      const stored = new Map<string, Stored>();
      for (const saved of all) {
        this.version = Math.max(this.version, saved.version);
        const group = saved.text === "" ? undefined : this.read(saved);
        if (group !== undefined) stored.set(keyOf(saved.namespace, saved.name), { group, saved });
      }
      this.stored = stored;
      await this.deps.apply(this.list());
    } catch (error) {
      if (this.closed) return;
      this.deps.report(asTriptychError(error));
      this.cancel = this.deps.clock.after(RETRY_MS, () => this.start());
    }
  }

  /** Another version may have taken what this one refuses: it is told, kept, and not evaluated. */
  private read({ namespace, name, text }: SavedRuleGroup): RuleGroupConfig | undefined {
    try {
      return requireLokiGroup(text, namespace);
    } catch (error) {
      const message = `the stored rule group ${JSON.stringify([namespace, name])} is not evaluated: ${(error as Error).message}`;
      this.deps.report(new TriptychError("config_invalid", message, { cause: error }));
      return undefined;
    }
  }

  private known(): Map<string, Stored> {
    if (this.stored !== undefined) return this.stored;
    throw new TriptychError("store_unavailable", "the stored rules have not been read yet");
  }

  list(): readonly RuleGroupConfig[] {
    return [...this.known()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { group }]) => group);
  }

  set(namespace: string, text: string): Promise<void> {
    return this.change(async (stored) => {
      const group = this.checked(namespace, text);
      const key = keyOf(namespace, group.name);
      const { groupsMax } = storedRulesLimits;
      if (!stored.has(key) && stored.size >= groupsMax)
        throw wrong(
          `per-user rule groups limit (limit: ${groupsMax} actual: ${stored.size + 1}) exceeded`,
        );
      const saved = await this.save({ namespace, name: group.name, text });
      stored.set(key, { group, saved });
    });
  }

  private checked(namespace: string, text: string): RuleGroupConfig {
    checkName("namespace", namespace);
    if (new TextEncoder().encode(text).length > storedRulesLimits.textBytesMax)
      throw wrong(`the rule group is larger than ${storedRulesLimits.textBytesMax} bytes`);
    const group = requireLokiGroup(text, namespace);
    checkName("groupName", group.name);
    const { rulesMax } = storedRulesLimits;
    const count = group.rules.length;
    if (count > rulesMax)
      throw wrong(
        `per-user rules per rule group limit (limit: ${rulesMax} actual: ${count}) exceeded`,
      );
    this.refuseFiles(namespace, group.name);
    return group;
  }

  private refuseFiles(namespace: string, name: string | undefined): void {
    const found = this.deps
      .inFiles()
      .find((one) => one.namespace === namespace && (name === undefined || one.name === name));
    if (found === undefined) return;
    throw wrong(
      `the group ${JSON.stringify(found.name)} of namespace ${JSON.stringify(namespace)} stands in the file ${found.file}; change it there`,
    );
  }

  deleteGroup(namespace: string, name: string): Promise<void> {
    return this.change(async (stored) => {
      const key = keyOf(namespace, name);
      if (!stored.has(key)) {
        this.refuseFiles(namespace, name);
        throw new TriptychError("not_found", "group does not exist");
      }
      await this.save({ namespace, name, text: "" });
      stored.delete(key);
    });
  }

  deleteNamespace(namespace: string): Promise<void> {
    return this.change(async (stored) => {
      const found = [...stored].filter(([, { saved }]) => saved.namespace === namespace);
      if (found.length === 0) {
        this.refuseFiles(namespace, undefined);
        throw new TriptychError("not_found", "group namespace does not exist");
      }
      for (const [key, { saved }] of found) {
        await this.save({ namespace, name: saved.name, text: "" });
        stored.delete(key);
      }
    });
  }

  private async save(group: Omit<SavedRuleGroup, "version">): Promise<SavedRuleGroup> {
    // The greatest version counts, also when the wall clock goes back.
    this.version = Math.max(this.version + 1, this.deps.clock.nowMs());
    const value = { ...group, version: this.version };
    const key = keyOf(group.namespace, group.name);
    await this.deps.saved.save({ key, version: this.version, value });
    return value;
  }

  private change(make: (stored: Map<string, Stored>) => Promise<void>): Promise<void> {
    const run = this.last.then(async () => {
      try {
        await make(this.known());
      } finally {
        // A namespace may have been deleted in part before something failed.
        await this.apply();
      }
    });
    this.last = run.catch(() => {});
    return run;
  }

  async apply(): Promise<void> {
    if (this.stored !== undefined) await this.deps.apply(this.list());
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    await this.last;
  }
}

const wrong = (message: string): TriptychError => new TriptychError("query_invalid", message);

/** As a path below a directory, which is what names are in Loki. */
function checkName(what: string, name: string): void {
  const { nameCharsMax } = storedRulesLimits;
  if (name === "" || name.length > nameCharsMax)
    throw wrong(
      `invalid ${what}: it has ${name.length} characters, 1 to ${nameCharsMax} are taken`,
    );
  const parts = name.split("/");
  if (name.startsWith("/") || parts.includes("..") || name.includes("\0"))
    throw wrong(`invalid ${what}: path traversal not allowed`);
}
