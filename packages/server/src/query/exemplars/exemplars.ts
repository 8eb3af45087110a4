/** Exemplars with all their labels, by series: what `query_exemplars` of Prometheus asks for. */
import type { Engine } from "../../store/clickhouse/engine.ts";
import { allExemplarsSql } from "../../store/clickhouse/select/exemplars.ts";
import {
  bigintCells,
  type Entry,
  mapCells,
  numberCells,
  readRows,
  textCells,
} from "../../store/clickhouse/select/rows.ts";
import { byLabels } from "../metrics/series-order.ts";
import type { Ask, MetricsSource, Series, SeriesMatcher } from "../metrics/source.ts";

export interface ExemplarsOfSeries {
  readonly labels: readonly Entry[];
  /** In order of time. */
  readonly exemplars: readonly {
    readonly labels: readonly Entry[];
    readonly value: number;
    readonly timeMs: number;
  }[];
}

/** Prometheus itself keeps 100,000 when asked to keep any; an answer of this many is about 2 MB. */
const EXEMPLARS_MAX = 10_000;
/** Ids travel as text in the query. */
const IDS_PER_SELECT = 20_000;

export async function readExemplars(
  { source, engine }: { readonly source: MetricsSource; readonly engine: Engine },
  question: {
    readonly selectors: readonly (readonly SeriesMatcher[])[];
    readonly fromMs: number;
    readonly toMs: number;
  },
  ask: Ask,
): Promise<{ readonly series: ExemplarsOfSeries[]; readonly isCut: boolean }> {
  const wanted = new Map<bigint, Series>();
  for (const matchers of question.selectors)
    for (const series of await source.selectSeries(matchers, question, ask))
      wanted.set(series.id, series);
  const ids = [...wanted.keys()];
  const found = new Map<bigint, ExemplarsOfSeries["exemplars"][number][]>();
  let count = 0;
  for (let at = 0; at < ids.length && count <= EXEMPLARS_MAX; at += IDS_PER_SELECT) {
    const query = allExemplarsSql(
      ids.slice(at, at + IDS_PER_SELECT),
      question,
      EXEMPLARS_MAX + 1 - count,
    );
    for (const { id, exemplar } of await select(engine, query, ask)) {
      count++;
      if (count > EXEMPLARS_MAX) break;
      const list = found.get(id) ?? [];
      found.set(id, list);
      list.push(exemplar);
    }
  }
  const series = [...wanted.values()].sort(byLabels).flatMap(({ id, labels }) => {
    const exemplars = found.get(id);
    return exemplars === undefined ? [] : [{ labels, exemplars }];
  });
  return { series, isCut: count > EXEMPLARS_MAX };
}

async function select(engine: Engine, query: ReturnType<typeof allExemplarsSql>, ask: Ask) {
  const answer = await engine.select(query, { signal: ask.signal, timeoutMs: ask.timeoutMs });
  return readRows(answer, (block) => {
    const id = bigintCells(block, "id");
    const time = numberCells(block, "time");
    const value = numberCells(block, "value");
    const trace = textCells(block, "trace");
    const span = textCells(block, "span");
    const attributes = mapCells(block, "attributes");
    return (row) => {
      const ids: Entry[] = [
        ["trace_id", trace(row)],
        ["span_id", span(row)],
      ];
      const labels = [...attributes(row), ...ids.filter(([, text]) => text !== "")];
      labels.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return { id: id(row), exemplar: { labels, value: value(row), timeMs: time(row) } };
    };
  });
}
