/** An address that leads nowhere, and a page that broke. Both keep the frame and show the way back. */
import type { ErrorComponentProps } from "@tanstack/react-router";
import { useCopy } from "../components/floats.tsx";
import { Shape } from "../components/icon.tsx";
import { PageLink } from "../components/page-link.tsx";
import { usePathname } from "../state/url-state.ts";

export function LostPage() {
  const path = usePathname();
  return (
    <header className="sentence">
      <h1>There is no page at this address.</h1>
      <p className="sub">
        <span className="mono">{path}</span>
        <PageLink to="/traces" className="link">
          Go to traces
        </PageLink>
      </p>
    </header>
  );
}

export function CrashPage(props: ErrorComponentProps) {
  const copy = useCopy();
  const message = props.error instanceof Error ? props.error.message : String(props.error);
  const stack = props.error instanceof Error ? (props.error.stack ?? "") : "";
  return (
    <div className="pad crash">
      <div className="errp" role="alert">
        <span className="st critical">
          <Shape state="critical" />
          <b>This page broke</b>
        </span>
        <p>It is a mistake in Triptych, not in your data. The other pages keep working.</p>
        <pre>{message}</pre>
        <div className="row wrap acts">
          <button type="button" className="btn" onClick={props.reset}>
            Try again
          </button>
          <button
            type="button"
            className="btn ghost"
            onClick={() => copy(`${message}\n${location.href}\n${stack}`, "the details")}
          >
            Copy details
          </button>
        </div>
      </div>
    </div>
  );
}
