/** What is scraped: pools, targets with those that are down first, and what relabelling dropped. */
import type { ScrapePool, TargetsAnswer } from "@triptych/contract";
import { useState } from "react";
import { useAnswer } from "../../api/answer.ts";
import { formatCount, plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Drawer, useDrawerWidth } from "../../components/drawer.tsx";
import { Icon, StateMark } from "../../components/icon.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { useKeys, useListKeys } from "../../state/keyboard.tsx";
import { one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { DroppedTargets } from "./dropped-targets.tsx";
import { NoTargets } from "./no-targets.tsx";
import { StatusTabs } from "./status-tabs.tsx";
import { TargetDetails } from "./target-details.tsx";
import { TargetTable } from "./target-table.tsx";
import { findingOf } from "./target-words.ts";

const everyMs = 10_000;
const rowsStep = 100;
const healths = ["down", "unknown", "up"] as const;
const healthWords = { down: "Down", unknown: "Waiting", up: "Up" } as const;

export function TargetsPage() {
  const params = useParams();
  const [rows, setRows] = useState(rowsStep);
  const answer = useAnswer<TargetsAnswer>(
    "/targets",
    {
      pool: one(params, "pool"),
      health: one(params, "health"),
      search: one(params, "find"),
      limit: String(rows),
    },
    { everyMs },
  );
  const { data } = answer;
  return (
    <>
      <StatusTabs chosen="targets" />
      <PageHead
        title="Targets"
        stale={answer.stale}
        finding={
          data === undefined ? (
            answer.failure ? (
              <>The targets could not be read.</>
            ) : undefined
          ) : (
            <Finding pools={data.pools} />
          )
        }
      >
        {data !== undefined && data.pools.length > 0 && (
          <>
            <span>{plural(data.pools.length, "job")}</span>
            <span>
              {plural(
                data.pools.reduce((sum, { dropped }) => sum + dropped, 0),
                "target",
              )}{" "}
              dropped by relabelling
            </span>
          </>
        )}
      </PageHead>
      <Answered
        answer={answer}
        what="targets"
        className="sect"
        skeleton={<BoneRows rows={10} height={40} />}
      >
        {(found) =>
          found.pools.length === 0 ? (
            <NoTargets />
          ) : (
            <Found answer={found} more={() => setRows(rows + rowsStep * 5)} />
          )
        }
      </Answered>
    </>
  );
}

function Finding(props: { readonly pools: readonly ScrapePool[] }) {
  const finding = findingOf(props.pools);
  switch (finding.kind) {
    case "none":
      return <>Nothing is scraped.</>;
    case "up":
      return finding.all === 1 ? (
        <>The one target is up.</>
      ) : (
        <>All {plural(finding.all, "target")} are up.</>
      );
    case "waiting":
      return (
        <>
          No target is down; {formatCount(finding.waiting)} of {plural(finding.all, "target")}{" "}
          {finding.waiting === 1 ? "waits" : "wait"} for the first scrape.
        </>
      );
    case "down": {
      const [worst, ...others] = finding.jobs;
      return (
        <>
          <em>
            {formatCount(finding.down)} of {plural(finding.all, "target")}
          </em>{" "}
          {finding.down === 1 ? "is" : "are"} down, {others.length > 0 ? "most" : "all"} of job{" "}
          {worst}.
        </>
      );
    }
  }
}

function Found(props: { readonly answer: TargetsAnswer; readonly more: () => void }) {
  const { answer } = props;
  const params = useParams();
  const setParams = useSetParams();
  const [width, setWidth] = useDrawerWidth("target", 420);
  const open = one(params, "open");
  const chosen = answer.targets.find(({ id }) => id === open);
  const show = (id: string | undefined, replace = false) => setParams({ open: id }, { replace });
  useListKeys({
    count: answer.targets.length,
    index: answer.targets.findIndex(({ id }) => id === open),
    select: (at) => show(answer.targets[at]?.id, open !== undefined),
    open: (at) => show(answer.targets[at]?.id),
  });
  useKeys(open === undefined ? {} : { Escape: () => show(undefined) });
  return (
    <div
      className={`split ${chosen === undefined ? "whole" : ""}`}
      style={{ "--drawer": `${width}px` } as React.CSSProperties}
    >
      <div>
        <Filters answer={answer} />
        <Pools pools={answer.pools} />
        <div className="bar sect">
          <h2>Targets</h2>
          <span className="muted">{formatCount(answer.total)}</span>
        </div>
        {answer.total === 0 ? (
          <p className="pad muted quiet">No target matches.</p>
        ) : (
          <TargetTable
            targets={answer.targets}
            open={open}
            show={(id) => show(id === open ? undefined : id)}
          />
        )}
        {answer.targets.length < answer.total && (
          <div className="bar">
            <button type="button" className="btn" onClick={props.more}>
              Show more
            </button>
            <span className="muted">
              {formatCount(answer.targets.length)} of {formatCount(answer.total)}
            </span>
          </div>
        )}
        <DroppedTargets answer={answer} />
      </div>
      {chosen !== undefined && (
        <Drawer label="Target" width={width} setWidth={setWidth}>
          <TargetDetails target={chosen} close={() => show(undefined)} />
        </Drawer>
      )}
    </div>
  );
}

function Filters(props: { readonly answer: TargetsAnswer }) {
  const params = useParams();
  const setParams = useSetParams();
  const chosen = one(params, "health");
  const count = (health: (typeof healths)[number]): number =>
    props.answer.pools.reduce((sum, pool) => sum + pool[health], 0);
  return (
    <div className="bar">
      <label className="find grow">
        <Icon name="search" />
        <input
          type="search"
          data-search
          placeholder="Address, label or error"
          aria-label="Find targets"
          value={one(params, "find") ?? ""}
          onChange={(event) => setParams({ find: event.target.value }, { replace: true })}
        />
      </label>
      {one(params, "pool") !== undefined && (
        <button type="button" className="btn" onClick={() => setParams({ pool: undefined })}>
          Job {one(params, "pool")}
          <Icon name="close" />
        </button>
      )}
      <span className="seg" role="group" aria-label="Show">
        <button
          type="button"
          aria-pressed={chosen === undefined}
          onClick={() => setParams({ health: undefined })}
        >
          All
        </button>
        {healths.map((health) => (
          <button
            key={health}
            type="button"
            aria-pressed={chosen === health}
            onClick={() => setParams({ health })}
          >
            {healthWords[health]} {formatCount(count(health))}
          </button>
        ))}
      </span>
    </div>
  );
}

/** Beyond these, jobs are found by the search. */
const poolsShown = 40;

/** The jobs with their counts, those in trouble first. */
function Pools(props: { readonly pools: readonly ScrapePool[] }) {
  const setParams = useSetParams();
  const chosen = one(useParams(), "pool");
  const troubled = (pool: ScrapePool): number => (pool.down + pool.problems.length > 0 ? 0 : 1);
  const pools = [...props.pools].sort((a, b) => troubled(a) - troubled(b));
  return (
    <ul className="pools" aria-label="Jobs">
      {pools.slice(0, poolsShown).map((pool) => {
        const all = pool.up + pool.down + pool.unknown;
        const state =
          pool.down > 0 || pool.problems.length > 0 ? "critical" : all === 0 ? "none" : "ok";
        const word =
          pool.down > 0
            ? `${formatCount(pool.down)} of ${formatCount(all)} down`
            : all === 0
              ? "no targets"
              : `${formatCount(all)} up`;
        return (
          <li key={pool.name}>
            <button
              type="button"
              className="btn ghost"
              aria-pressed={chosen === pool.name}
              onClick={() => setParams({ pool: chosen === pool.name ? undefined : pool.name })}
            >
              <StateMark state={state} word={pool.name} />
              <span className="muted">
                {word}
                {pool.dropped > 0 && `, ${formatCount(pool.dropped)} dropped`}
              </span>
            </button>
            {pool.problems.map(({ discovery, message }) => (
              <span key={`${discovery} ${message}`} className="small c-critical wrapany">
                {discovery}: {message}
              </span>
            ))}
          </li>
        );
      })}
      {pools.length > poolsShown && (
        <li className="muted">{plural(pools.length - poolsShown, "more job")}</li>
      )}
    </ul>
  );
}
