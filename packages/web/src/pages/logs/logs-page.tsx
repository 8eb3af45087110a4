/** Logs: what failed and since when, lines over time by level, the lines themselves, live when asked. */
import type { LogLevelsAnswer } from "@triptych/contract";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Answer, useAnswer } from "../../api/answer.ts";
import { formatCount, plural } from "../../charts/format.ts";
import { LevelBars } from "../../charts/level-bars.tsx";
import { Answered, BoneChart } from "../../components/answered.tsx";
import { Drawer, useDrawerWidth } from "../../components/drawer.tsx";
import { FilterBar } from "../../components/filter-bar.tsx";
import { Honest } from "../../components/icon.tsx";
import { FindingBone, PageHead } from "../../components/page-head.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { NothingMatches, Teach } from "../../components/teach.tsx";
import { clockText } from "../../state/clock-text.ts";
import { many, one } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { Context } from "./context.tsx";
import { countFields } from "./field-counts.ts";
import { Fields } from "./fields.tsx";
import { findInLogs } from "./finding.ts";
import { hasLogFilters, logChips, logFilterNames, logQuery, readTypedLog } from "./log-filters.ts";
import { LogForm } from "./log-form.tsx";
import { LogList } from "./log-list.tsx";
import { Patterns } from "./patterns.tsx";
import { useLines } from "./use-lines.ts";
import { useTail } from "./use-tail.ts";

const barColumns = innerWidth > 760 ? 120 : 60;
const barHeight = 108;

const views = [
  { id: "lines", name: "Lines" },
  { id: "patterns", name: "Patterns" },
];

export function LogsPage() {
  const params = useParams();
  const setParams = useSetParams();
  const { range, live, set } = useRange();
  const [zone] = usePreference("zone", zones);
  const [paused, setPaused] = useState(false);
  const [drawerWidth, setDrawerWidth] = useDrawerWidth("logs", 348);
  const query = useMemo(() => logQuery(params), [params]);
  const levels = useAnswer<LogLevelsAnswer>("/logs/levels", {
    ...rangeParams(range),
    ...query,
    columns: String(barColumns),
  });
  // What was there when following began; what comes after is added by the tail.
  const base = useFrozen(range, live);
  const stored = useLines({ ...rangeParams(base), ...query });
  const tail = useTail(query, { on: live, paused });
  const lines = useMemo(
    () => (tail.lines.length === 0 ? stored.lines : [...tail.lines, ...stored.lines]),
    [tail.lines, stored.lines],
  );
  const counts = useMemo(() => countFields(lines), [lines]);
  const around = one(params, "around");
  const view = one(params, "view") === "patterns" ? "patterns" : "lines";
  const tabs = (
    <Tabs
      label="Lines or their patterns"
      tabs={views}
      chosen={view}
      choose={(id) => setParams({ view: id === "patterns" ? id : undefined })}
    />
  );
  const nothing =
    levels.data !== undefined && !levels.stale && levels.data.total === 0 && lines.length === 0;
  if (nothing && !hasLogFilters(params)) return <Teach signal="logs" />;
  return (
    <>
      <PageHead
        title="Logs"
        finding={<Finding levels={levels} />}
        info={stored.answer.data}
        stale={levels.stale && levels.failure !== undefined}
      >
        {levels.data !== undefined && (
          <span>
            {plural(levels.data.total, "line")} from{" "}
            {plural(levels.data.byService.length, "service")}
          </span>
        )}
        {tail.mark !== "" && <Honest warn>{tail.mark}</Honest>}
      </PageHead>
      <LogFilterBar />
      {nothing ? (
        <NothingMatches
          what="line"
          remove={() =>
            setParams(Object.fromEntries(logFilterNames.map((name) => [name, undefined])))
          }
        />
      ) : (
        <>
          <div className="hist">
            <Answered
              answer={levels}
              what="lines over time"
              skeleton={<BoneChart height={barHeight} />}
            >
              {(data) => (
                <LevelBars
                  answer={data}
                  range={range}
                  zone={zone}
                  height={barHeight}
                  onZoom={(next) => set({ kind: "absolute", ...next })}
                />
              )}
            </Answered>
          </div>
          <div
            className="split fixed logs"
            style={{ "--drawer": `${drawerWidth}px` } as React.CSSProperties}
          >
            {view === "patterns" ? (
              <Patterns tabs={tabs} query={query} />
            ) : (
              <LogList
                tabs={tabs}
                lines={lines}
                stored={stored}
                tail={tail}
                counts={counts}
                paused={paused}
                setPaused={setPaused}
              />
            )}
            <Drawer
              label={around === undefined ? "Fields" : "Context"}
              width={drawerWidth}
              setWidth={setDrawerWidth}
            >
              {around === undefined ? (
                <Fields levels={levels} counts={counts} lines={lines.length} />
              ) : (
                <Context around={around} services={many(params, "service")} />
              )}
            </Drawer>
          </div>
        </>
      )}
    </>
  );
}

/** The range as it was when following began; free while it is off. */
function useFrozen<T>(value: T, frozen: boolean): T {
  const kept = useRef(value);
  const was = useRef(frozen);
  if (!frozen || !was.current) kept.current = value;
  useEffect(() => {
    was.current = frozen;
  }, [frozen]);
  return kept.current;
}

function LogFilterBar() {
  const params = useParams();
  const setParams = useSetParams();
  const { range } = useRange();
  const services =
    useAnswer<LogLevelsAnswer>("/logs/levels", { ...rangeParams(range), columns: "1" }).data
      ?.byService ?? [];
  const add = useCallback(
    (text: string) => {
      const change = readTypedLog(text, params);
      if (change !== undefined) setParams(change);
      return change !== undefined;
    },
    [params, setParams],
  );
  return (
    <FilterBar
      chips={logChips(params).map((chip) => ({
        name: chip.name,
        op: chip.op,
        value: chip.value,
        remove: () => setParams(chip.remove),
        ...(chip.negate !== undefined && { negate: () => setParams(chip.negate ?? {}) }),
      }))}
      language={{
        signal: "logs",
        search: one(params, "search") ?? "",
        setSearch: (search) => setParams({ search }),
        placeholder: 'Search lines, such as level: error and "connection refused"',
        examples: [
          "level: error or level: warn",
          '"timeout" and not service: gateway',
          "level >= warn and @timestamp >= now-5m",
        ],
      }}
      placeholder="Search words in the line, or service=…, level=error, attribute=value"
      help="Write words of the line, service=name, level=error, or attribute=value."
      suggestions={[
        "level=error",
        "level=warn",
        ...services.map((entry) => `service=${entry.service}`),
      ]}
      add={add}
      clear={() => setParams(Object.fromEntries(logFilterNames.map((name) => [name, undefined])))}
      form={(close) => <LogForm services={services.map((entry) => entry.service)} close={close} />}
    />
  );
}

function Finding(props: { readonly levels: Answer<LogLevelsAnswer> }) {
  const [zone] = usePreference("zone", zones);
  const { levels } = props;
  if (levels.data === undefined)
    return levels.failure === undefined ? <FindingBone /> : <>Logs could not be read.</>;
  const found = findInLogs(levels.data);
  if (found.total === 0) return <>No line matches.</>;
  if (found.failed === 0) {
    return (
      <>
        No error in {plural(found.total, "line")}
        {found.warned > 0 && (
          <>
            ; <em className="w">{plural(found.warned, "warning")}</em>
          </>
        )}
        .
      </>
    );
  }
  return (
    <>
      <em>{plural(found.failed, "error")}</em>
      {found.since !== undefined ? (
        <> since {clockText(found.since, zone)}</>
      ) : (
        <> in {plural(found.total, "line")}</>
      )}
      {found.service !== undefined && (
        <>
          {", "}
          {found.service.errors >= found.failed ? "all" : formatCount(found.service.errors)} from{" "}
          <span className="nb">{found.service.name}</span>
        </>
      )}
      .
    </>
  );
}
