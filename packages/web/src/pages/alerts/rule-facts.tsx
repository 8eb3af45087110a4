/** A rule in full: its query, what went wrong at which place, its figures, and what a reader would say of it. */
import type { Rule } from "@triptych/contract";
import { formatDuration } from "../../charts/format.ts";
import { StateMark } from "../../components/icon.tsx";
import { spanText } from "../../state/clock-text.ts";
import { printDuration } from "../../state/time-range.ts";
import { troubleOf, wayOut } from "./alert-words.ts";

export function RuleFacts(props: { readonly rule: Rule }) {
  const { rule } = props;
  const facts = [
    ["For", rule.forSeconds === 0 ? "at once" : printDuration(rule.forSeconds * 1000)],
    ...(rule.keepFiringForSeconds === 0
      ? []
      : [["Keeps firing for", printDuration(rule.keepFiringForSeconds * 1000)] as const]),
    ["Language", rule.language === "logql" ? "LogQL, over logs" : "PromQL, over metrics"],
    ["Group", rule.group],
    ["File", rule.file],
    ["Evaluated every", printDuration(rule.intervalSeconds * 1000)],
    ["Last evaluation", agoText(rule.lastEvaluationMs)],
    [
      "It took",
      rule.lastEvaluationMs === 0 ? "not yet" : formatDuration(rule.evaluationSeconds * 1e9),
    ],
  ] as const;
  return (
    <>
      <Query rule={rule} />
      <dl className="kv">
        {facts
          .filter(([name]) => rule.kind === "alert" || name !== "For")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        {Object.entries(rule.labels).map(([name, value]) => (
          <div key={`l ${name}`}>
            <dt>label {name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {rule.lints.length > 0 && (
        <>
          <h3 className="gh">Worth a look</h3>
          <ul className="lints">
            {rule.lints.map((lint) => (
              <li key={`${lint.name} ${lint.what}`}>
                <StateMark state="warn" word={lint.name} />
                <p>It {lint.what}.</p>
                <p className="muted">Because {lint.why}.</p>
                <p className="muted">Way out: {lint.fix}.</p>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

export function agoText(ms: number): string {
  return ms === 0 ? "not yet" : `${spanText(Date.now() - ms)} ago`;
}

/** The query, with the error at its place when there is one. */
function Query(props: { readonly rule: Rule }) {
  const { rule } = props;
  if (rule.lastError === "") return <pre className="code query">{rule.query}</pre>;
  const { message, offset } = troubleOf(rule.lastError, rule.query);
  const help = wayOut(rule.lastError);
  return (
    <div className="errp" role="alert">
      <span className="st critical">
        <StateMark state="critical" word="It could not be evaluated" />
      </span>
      <pre>
        {offset === undefined ? (
          rule.query
        ) : (
          <>
            {rule.query.slice(0, offset)}
            <span className="sq">{wordAt(rule.query, offset)}</span>
            {rule.query.slice(offset + wordAt(rule.query, offset).length)}
          </>
        )}
      </pre>
      <p>{message}</p>
      {help !== undefined && <p className="muted">{help}</p>}
    </div>
  );
}

const wordAt = (text: string, offset: number): string =>
  /^[\w:]+|^[^\n]/.exec(text.slice(offset))?.[0] ?? "";
