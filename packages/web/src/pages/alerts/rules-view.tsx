/** All rules in their groups: how each does, what fails and why, what a reader would say. */
import type { Rule, RuleGroup, RulesAnswer } from "@triptych/contract";
import { useMemo, useState } from "react";
import { useAnswer } from "../../api/answer.ts";
import { formatCount, formatDuration, formatShare } from "../../charts/format.ts";
import { CloseDetails } from "../../components/close-details.tsx";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Drawer, useDrawerWidth } from "../../components/drawer.tsx";
import { Badge, Honest, Icon, StateMark, type State } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { useKeys, useListKeys } from "../../state/keyboard.tsx";
import { one } from "../../state/params.ts";
import { printDuration } from "../../state/time-range.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { linesIn, troubleOf } from "./alert-words.ts";
import { NoRules } from "./no-rules.tsx";
import { agoText, RuleFacts } from "./rule-facts.tsx";
import {
  countRules,
  filterRules,
  loadOf,
  type RuleShow,
  ruleShows,
  shortFile,
} from "./rules-filter.ts";

const everyMs = 15_000;
/** More rows than this make a slow page and no better one. */
const rowsStep = 300;
const showWords: { readonly [show in RuleShow]: string } = {
  all: "All",
  failing: "Failing",
  firing: "Active",
  lints: "Worth a look",
};

export function RulesView() {
  const answer = useAnswer<RulesAnswer>("/rules", {}, { everyMs });
  return (
    <Answered answer={answer} what="rules" skeleton={<BoneRows rows={10} height={36} />}>
      {(data) => (data.groups.length === 0 ? <NoRules /> : <Rules answer={data} />)}
    </Answered>
  );
}

function Rules(props: { readonly answer: RulesAnswer }) {
  const { answer } = props;
  const params = useParams();
  const setParams = useSetParams();
  const [width, setWidth] = useDrawerWidth("rule", 440);
  const [rowsMax, setRowsMax] = useState(rowsStep);
  const show = ruleShows.find((name) => name === one(params, "show")) ?? "all";
  const search = one(params, "find") ?? "";
  const groups = useMemo(() => filterRules(answer, { search, show }), [answer, search, show]);
  const rules = useMemo(() => groups.flatMap((group) => group.rules), [groups]);
  const counts = useMemo(() => countRules(answer), [answer]);
  const open = one(params, "open");
  const chosen = answer.groups.flatMap((group) => group.rules).find(({ id }) => id === open);
  const choose = (id: string | undefined, replace = false) =>
    setParams({ open: id === open && !replace ? undefined : id }, { replace });
  useListKeys({
    count: Math.min(rules.length, rowsMax),
    index: rules.findIndex(({ id }) => id === open),
    select: (at) => choose(rules[at]?.id, true),
    open: (at) => choose(rules[at]?.id, true),
  });
  useKeys(open === undefined ? {} : { Escape: () => choose(undefined) });
  let left = rowsMax;
  return (
    <div
      className={`split ${chosen === undefined ? "whole" : ""}`}
      style={{ "--drawer": `${width}px` } as React.CSSProperties}
    >
      <div>
        <div className="bar">
          <label className="find grow">
            <Icon name="search" />
            <input
              type="search"
              data-search
              placeholder="Name, query, group or file"
              aria-label="Find rules"
              value={search}
              onChange={(event) => setParams({ find: event.target.value }, { replace: true })}
            />
          </label>
          <span className="seg" role="group" aria-label="Show">
            {ruleShows.map((name) => (
              <button
                key={name}
                type="button"
                aria-pressed={name === show}
                onClick={() => setParams({ show: name === "all" ? undefined : name })}
              >
                {showWords[name]} {counts[name]}
              </button>
            ))}
          </span>
          {answer.marks.map((mark) => (
            <Honest key={mark} warn>
              {mark}
            </Honest>
          ))}
        </div>
        {rules.length === 0 && <p className="pad nothing muted">No rule matches.</p>}
        {groups.map((group) => {
          if (left <= 0) return null;
          const shown = group.rules.slice(0, left);
          left -= shown.length;
          return (
            <Group
              key={`${group.file} ${group.name}`}
              group={{ ...group, rules: shown }}
              open={open}
              choose={choose}
            />
          );
        })}
        {rules.length > rowsMax && (
          <div className="bar">
            <button type="button" className="btn" onClick={() => setRowsMax(rowsMax + rowsStep)}>
              Show more of {formatCount(rules.length)}
            </button>
          </div>
        )}
      </div>
      {chosen !== undefined && (
        <Drawer label="Rule" width={width} setWidth={setWidth}>
          <RuleDetails rule={chosen} close={() => choose(undefined)} />
        </Drawer>
      )}
    </div>
  );
}

function RuleDetails(props: { readonly rule: Rule; readonly close: () => void }) {
  const { rule } = props;
  return (
    <>
      <header>
        <div className="row">
          <h2 className="grow wrapany">{rule.name}</h2>
          <CloseDetails close={props.close} />
        </div>
        <div className="row wrap">
          <StateMark {...stateOf(rule)} />
          <span className="muted">
            {rule.kind === "alert" ? "alert" : "recorded series"}
            {rule.language === "logql" && " over logs"}
          </span>
        </div>
        <div className="row wrap jumps-in">
          {rule.kind === "record" ? (
            <PageLink to="/metrics" params={{ name: rule.name }} className="btn primary">
              What it records
            </PageLink>
          ) : (
            <PageLink to="/alerts" className="btn">
              Alerts now
            </PageLink>
          )}
          {rule.language === "logql" && (
            <PageLink to="/logs" params={linesIn(rule.query)} className="btn">
              Lines it counts
            </PageLink>
          )}
        </div>
      </header>
      <RuleFacts rule={rule} />
    </>
  );
}

function stateOf(rule: Rule): { readonly state: State; readonly word: string } {
  if (rule.health === "err") return { state: "critical", word: "fails" };
  if (rule.health === "unknown") return { state: "none", word: "not evaluated yet" };
  if (rule.firing > 0) return { state: "warn", word: `${formatCount(rule.firing)} firing` };
  if (rule.pending > 0) return { state: "info", word: `${formatCount(rule.pending)} pending` };
  return { state: "ok", word: rule.kind === "alert" ? "quiet" : "recorded" };
}

interface GroupProps {
  readonly group: RuleGroup;
  readonly open: string | undefined;
  readonly choose: (id: string) => void;
}

function Group(props: GroupProps) {
  const { group } = props;
  const load = loadOf(group);
  const state = load > 0.8 ? "critical" : load > 0.5 ? "warn" : "base";
  return (
    <section aria-label={`Group ${group.name}`}>
      <div className="bar sect rgroup">
        <h2 className="ell">{group.name}</h2>
        <span className="muted ell" data-tip={group.file}>
          {shortFile(group.file)}
        </span>
        <span className="grow" />
        <span className="muted small">every {printDuration(group.intervalSeconds * 1000)}</span>
        {group.lastEvaluationMs > 0 && (
          <span className="muted small hide-s">{agoText(group.lastEvaluationMs)}</span>
        )}
        {group.limit > 0 && <span className="muted small hide-s">limit {group.limit}</span>}
        <span className="row small" data-tip="Evaluation against the interval">
          <span className="meter" aria-hidden="true">
            <i className={state} style={{ width: `${Math.min(100, Math.max(1, load * 100))}%` }} />
          </span>
          <span className={state === "base" ? "muted" : `c-${state}`}>
            {group.lastEvaluationMs === 0
              ? "not yet evaluated"
              : `${formatDuration(group.evaluationSeconds * 1e9)}, ${formatShare(load)} of it`}
          </span>
        </span>
      </div>
      <div className="scrollx">
        <table className="dense rules">
          <caption className="vh">Rules of {group.name}</caption>
          <thead>
            <tr>
              <th>State</th>
              <th>Rule</th>
              <th className="c-what">Query</th>
              <th className="num c-2">For</th>
              <th className="num c-2">Took</th>
            </tr>
          </thead>
          <tbody>
            {group.rules.map((rule) => (
              <RuleRow key={rule.id} rule={rule} {...props} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function RuleRow(props: GroupProps & { readonly rule: Rule }) {
  const { rule } = props;
  const { message, offset } = troubleOf(rule.lastError, rule.query);
  return (
    <tr aria-selected={rule.id === props.open} onClick={() => props.choose(rule.id)}>
      <td>
        <StateMark {...stateOf(rule)} />
      </td>
      <td>
        <span className="row">
          <button
            type="button"
            className={`value ${rule.kind === "record" ? "mono" : "strong"}`}
            onClick={(event) => {
              event.stopPropagation();
              props.choose(rule.id);
            }}
          >
            {rule.name}
          </button>
          {rule.language === "logql" && <Badge>LogQL</Badge>}
          {rule.lints.length > 0 && <Badge state="warn">{`${rule.lints.length}`}</Badge>}
        </span>
      </td>
      <td className="c-what">
        <div className="ell mono">{rule.query}</div>
        {rule.lastError !== "" && (
          <div className="ell small c-critical">
            {message}
            {offset !== undefined && `, at character ${offset + 1}`}
          </div>
        )}
      </td>
      <td className="num c-2">
        {rule.kind === "alert" && rule.forSeconds > 0 ? printDuration(rule.forSeconds * 1000) : ""}
      </td>
      <td className="num mono c-2">
        {rule.lastEvaluationMs === 0 ? "" : formatDuration(rule.evaluationSeconds * 1e9)}
      </td>
    </tr>
  );
}
