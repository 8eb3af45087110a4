/** Chips, typing and the form of the Traces page. */
import type { OperationsAnswer, ServicesAnswer } from "@triptych/contract";
import { useState } from "react";
import { useAnswer } from "../../api/answer.ts";
import { FilterBar } from "../../components/filter-bar.tsx";
import { many, one } from "../../state/params.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { parseDurationMs } from "../../state/time-range.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { chipsOf, readTyped, traceFilterNames } from "./trace-filters.ts";

export function TraceFilterBar() {
  const params = useParams();
  const setParams = useSetParams();
  const { range } = useRange();
  const services = useAnswer<ServicesAnswer>("/services", rangeParams(range)).data?.services ?? [];
  const suggestions = [
    ...services.map((service) => `service=${service.name}`),
    "status=error",
    "duration>1s",
    "duration>2s",
  ];
  return (
    <FilterBar
      chips={chipsOf(params).map((chip) => ({
        name: chip.name,
        op: chip.op,
        value: chip.value,
        remove: () => setParams(chip.remove),
        ...(chip.negate !== undefined && { negate: () => setParams(chip.negate ?? {}) }),
      }))}
      language={{
        signal: "traces",
        search: one(params, "search") ?? "",
        setSearch: (search) => setParams({ search }),
        placeholder: "Search spans, such as service: payment-service and duration > 2s",
        examples: [
          "status: error",
          "duration > 1s and not kind: client",
          "http.status_code >= 500 or error: true",
        ],
      }}
      placeholder="Add filter: service=…, duration>2s, status=error, any.attribute=value"
      help="Write service=name, operation=name, duration>2s, status=error, or attribute=value."
      suggestions={suggestions}
      add={(text) => {
        const change = readTyped(text, params);
        if (change !== undefined) setParams(change);
        return change !== undefined;
      }}
      clear={() => setParams(Object.fromEntries(traceFilterNames.map((name) => [name, undefined])))}
      form={(close) => (
        <FilterForm services={services.map((service) => service.name)} close={close} />
      )}
    />
  );
}

function FilterForm(props: { readonly services: readonly string[]; readonly close: () => void }) {
  const params = useParams();
  const setParams = useSetParams();
  const { range } = useRange();
  const [service, setService] = useState(one(params, "service") ?? "");
  const operations =
    useAnswer<OperationsAnswer>("/operations", { ...rangeParams(range), service }).data
      ?.operations ?? [];
  const submit = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const typed = text("attr") === "" ? {} : readTyped(text("attr"), params);
    setParams({
      service: text("service"),
      operation: text("operation"),
      status: text("status"),
      min: Number.isNaN(parseDurationMs(text("min"))) ? undefined : text("min"),
      max: Number.isNaN(parseDurationMs(text("max"))) ? undefined : text("max"),
      ...(typed?.["attr"] !== undefined ? typed : { attr: many(params, "attr") }),
    });
    props.close();
  };
  return (
    <form onSubmit={submit}>
      <label>
        Service
        <select
          name="service"
          className="field"
          value={service}
          onChange={(event) => setService(event.target.value)}
        >
          <option value="">any</option>
          {props.services.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        Operation
        <input
          name="operation"
          className="field"
          list="operations"
          defaultValue={one(params, "operation")}
          placeholder="any"
          autoComplete="off"
        />
        <datalist id="operations">
          {operations.map((operation) => (
            <option key={operation.name} value={operation.name} />
          ))}
        </datalist>
      </label>
      <div className="pair">
        <label>
          Longer than
          <input
            name="min"
            className="field"
            defaultValue={one(params, "min")}
            placeholder="250ms"
            pattern="\s*(\d+(\.\d+)?\s*(us|µs|ms|s|m|min|h)\s*)+"
          />
        </label>
        <label>
          Shorter than
          <input
            name="max"
            className="field"
            defaultValue={one(params, "max")}
            placeholder="2s"
            pattern="\s*(\d+(\.\d+)?\s*(us|µs|ms|s|m|min|h)\s*)+"
          />
        </label>
      </div>
      <label>
        Status
        <select name="status" className="field" defaultValue={one(params, "status") ?? ""}>
          <option value="">any</option>
          <option value="error">error</option>
          <option value="ok">ok</option>
        </select>
      </label>
      <label>
        Attribute
        <input
          name="attr"
          className="field mono"
          placeholder="card.issuer=acme"
          autoComplete="off"
          spellCheck={false}
        />
      </label>
      <p className="muted small">A trace is listed when one of its spans matches all of them.</p>
      <div className="row">
        <button type="submit" className="btn primary">
          Filter
        </button>
        <button type="button" className="btn ghost" onClick={props.close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
