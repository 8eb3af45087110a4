/** The filters of the Logs page as a form. */
import { levelOrder } from "../../charts/level-order.ts";
import { many, one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { readTypedLog } from "./log-filters.ts";

export function LogForm(props: {
  readonly services: readonly string[];
  readonly close: () => void;
}) {
  const params = useParams();
  const setParams = useSetParams();
  const submit = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const all = (name: string) => form.getAll(name).map(String).filter(Boolean);
    const attr = String(form.get("attr") ?? "").trim();
    setParams({
      service: all("service"),
      level: all("level"),
      text: String(form.get("text") ?? "").trim(),
      ...(attr !== "" && readTypedLog(attr, params)),
    });
    props.close();
  };
  return (
    <form onSubmit={submit}>
      <label>
        Words in the line
        <input
          name="text"
          className="field"
          defaultValue={one(params, "text")}
          autoComplete="off"
        />
      </label>
      <fieldset>
        <legend>Service</legend>
        {props.services.map((service) => (
          <label key={service} className="tick">
            <input
              type="checkbox"
              name="service"
              value={service}
              defaultChecked={many(params, "service").includes(service)}
            />
            {service}
          </label>
        ))}
      </fieldset>
      <fieldset>
        <legend>Level</legend>
        {levelOrder.map((level) => (
          <label key={level} className="tick">
            <input
              type="checkbox"
              name="level"
              value={level}
              defaultChecked={many(params, "level").includes(level)}
            />
            {level}
          </label>
        ))}
      </fieldset>
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
