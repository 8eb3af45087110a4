/**
 * The rules of Loki's API, as `lokitool` and Grafana use it: groups as YAML, listed, kept and deleted. What they do is
 * in Prometheus's form at `/prometheus/api/v1/rules`.
 */
import { asTriptychError, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { printLokiGroup, printLokiGroups } from "../../config/rules/loki-rules.ts";
import type { RuleGroupConfig } from "../../config/rules/rule-file.ts";
import { storedRulesLimits } from "../../rules/stored-rules.ts";

export interface LokiRulesDeps {
  /** Where rules are; Loki's two places unless given. */
  readonly prefixes?: readonly string[] | undefined;
  /** Groups of files and of this API. Throws `store_unavailable` until they were read. */
  readonly groups: () => readonly RuleGroupConfig[];
  /** Absent where rules may not be changed. */
  readonly stored?:
    | {
        readonly set: (namespace: string, text: string) => Promise<void>;
        readonly deleteGroup: (namespace: string, name: string) => Promise<void>;
        readonly deleteNamespace: (namespace: string) => Promise<void>;
      }
    | undefined;
  /** Told of bugs of ours. */
  readonly report?: ((error: TriptychError) => void) | undefined;
}

const PREFIXES = ["/loki/api/v1/rules", "/api/prom/rules"] as const;

interface Named {
  readonly Params: { readonly namespace: string; readonly group: string };
  readonly Querystring: { readonly labels?: string | readonly string[] };
}

export function registerLokiRules(app: FastifyInstance, deps: LokiRulesDeps): void {
  for (const prefix of deps.prefixes ?? PREFIXES)
    void app.register(
      (scope, _options, done) => {
        scope.setErrorHandler((error, _request, reply) => sendError(reply, error, deps.report));
        scope.removeAllContentTypeParsers();
        // Clients say many things of what is YAML all the same; JSON is YAML, too.
        scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body, parsed) =>
          parsed(null, body),
        );
        registerReads(scope, deps);
        registerChanges(scope, deps);
        done();
      },
      { prefix },
    );
}

function registerReads(scope: FastifyInstance, deps: LokiRulesDeps): void {
  const list = (
    { query }: FastifyRequest<Named>,
    reply: FastifyReply,
    namespace?: string,
  ): FastifyReply => {
    const all = deps.groups();
    const found = namespace === undefined ? all : all.filter((one) => one.namespace === namespace);
    if (found.length === 0) throw new TriptychError("not_found", "no rule groups found");
    const labels = [query.labels ?? []].flat().join(",");
    return sendYaml(reply, printLokiGroups(labels === "" ? found : withLabels(found, labels)));
  };
  scope.get<Named>("/", (request, reply) => list(request, reply));
  scope.get<Named>("/:namespace", (request, reply) =>
    list(request, reply, request.params.namespace),
  );
  scope.get<Named>("/:namespace/:group", ({ params }, reply) => {
    const { namespace, group } = params;
    const found = deps.groups().find((one) => one.namespace === namespace && one.name === group);
    if (found === undefined) throw new TriptychError("not_found", "group does not exist");
    return sendYaml(reply, printLokiGroup(found));
  });
}

function registerChanges(scope: FastifyInstance, deps: LokiRulesDeps): void {
  const stored = (): NonNullable<LokiRulesDeps["stored"]> => {
    if (deps.stored !== undefined) return deps.stored;
    throw new TriptychError(
      "query_invalid",
      "rules are not changed over the API here: loki.rulesApi is off",
    );
  };
  scope.post<Named>(
    "/:namespace",
    { bodyLimit: storedRulesLimits.textBytesMax },
    async ({ params, body }, reply) => {
      await stored().set(params.namespace, typeof body === "string" ? body : "");
      return accepted(reply);
    },
  );
  scope.delete<Named>("/:namespace", async ({ params }, reply) => {
    await stored().deleteNamespace(params.namespace);
    return accepted(reply);
  });
  scope.delete<Named>("/:namespace/:group", async ({ params }, reply) => {
    await stored().deleteGroup(params.namespace, params.group);
    return accepted(reply);
  });
}

/** Rules that have one of the labels `name:value,…`, and their groups. */
function withLabels(groups: readonly RuleGroupConfig[], text: string): RuleGroupConfig[] {
  const wanted = new Set(text.split(","));
  return groups.flatMap((group) => {
    const rules = group.rules.filter(({ labels }) =>
      labels.some(([name, value]) => wanted.has(`${name}:${value}`)),
    );
    return rules.length === 0 ? [] : [{ ...group, rules }];
  });
}

const sendYaml = (reply: FastifyReply, text: string): FastifyReply =>
  reply.type("application/yaml").send(text);

const accepted = (reply: FastifyReply): FastifyReply =>
  reply.code(202).send({ status: "success", data: null, errorType: "", error: "" });

/** Loki answers errors here with plain text and a line's end. */
function sendError(
  reply: FastifyReply,
  thrown: unknown,
  report: LokiRulesDeps["report"],
): FastifyReply {
  const text = reply.type("text/plain; charset=utf-8");
  const status = (thrown as { statusCode?: unknown }).statusCode;
  if (!(thrown instanceof TriptychError) && typeof status === "number" && status < 500)
    return text.code(status).send(`${(thrown as Error).message}\n`);
  const error = asTriptychError(thrown);
  if (error.code === "internal") report?.(error);
  const message =
    error.code === "internal"
      ? "The request met a bug; the server's log says which."
      : error.message;
  return text.code(error.spec.status).send(`${message}\n`);
}
