/** A service with the colour it has everywhere. */
import { seriesVariable } from "../charts/colour.ts";

export function ServiceName(props: { readonly name: string }) {
  return (
    <span className="svc" style={{ "--c": seriesVariable(props.name) } as React.CSSProperties}>
      <i aria-hidden="true" />
      <span className="ell">{props.name === "" ? "(no service name)" : props.name}</span>
    </span>
  );
}
