/** One set of 16 px stroke icons, and the marks of state, which differ in shape as well as colour. */

const paths = {
  traces: "M2 3.5h8M5 6.5h8M7 9.5h4M9 12.5h5",
  logs: "M2.5 4h1M5.5 4h8M2.5 8h1M5.5 8h5M2.5 12h1M5.5 12h7",
  metrics: "M2 12.5 5.5 8l2.5 2.5L11 5l3 3",
  home: "M2.500 7.500 8 3l5.500 4.500M4 6.500V13h8V6.500M6.800 13V9.500h2.400V13",
  services: "M6 2.500h4v3.500H6zM1.500 10h4v3.500h-4zM10.500 10h4v3.500h-4zM8 6v2M3.500 10V8h9v2",
  alert: "M8 2.500 14.500 13.500h-13zM8 6.500v3.500M8 11.800v.1",
  incident: "M8 2v3M8 11v3M2 8h3M11 8h3M5.5 8a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0",
  status: "M1.5 8h3l1.5-4 3 8 1.5-4h4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5l3 3",
  right: "M6 3.5 10.5 8 6 12.5",
  left: "M10 3.5 5.5 8l4.5 4.5",
  down: "M3.5 6 8 10.5 12.5 6",
  up: "M3.5 10 8 5.5 12.5 10",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5V5h-2.5",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  filter: "M2.5 3.5h11L9.5 8.5v4l-3 1v-5z",
  group: "M3 3.5h4v4H3zM9 8.5h4v4H9zM10 5.5h3M3 10.5h3",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M8 4.5V8l2.5 1.5",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  share: "M6.5 9.5 13 3M9 3h4v4M11.5 9v4.5h-9v-9H7",
  check: "M3 8.5 6.5 12 13 4.5",
  play: "M5 3l8 5-8 5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  note: "M3 3h10v7l-3 3H3zM10 13v-3h3",
  explain: "M8 2.5l1.3 3.7L13 7.5 9.3 8.8 8 12.5 6.7 8.8 3 7.5l3.7-1.3zM12.5 11.5v3M11 13h3",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.01M6.5 6.500h.01M9 6.500h.01M11.500 6.500h.01M4 9.500h8",
} as const;

export type IconName = keyof typeof paths;

export function Icon(props: { readonly name: IconName }) {
  return (
    <svg className="ic" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[props.name]} />
    </svg>
  );
}

export type State = "critical" | "warn" | "ok" | "info" | "none";

export function Shape(props: { readonly state: State }) {
  return (
    <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
      {shapeOf(props.state)}
    </svg>
  );
}

function shapeOf(state: State) {
  switch (state) {
    case "critical":
      return <path d="M5 0 10 5 5 10 0 5z" fill="currentColor" />;
    case "warn":
      return <path d="M5 .8 9.8 9.3H.2z" fill="currentColor" />;
    case "ok":
      return <circle cx="5" cy="5" r="3.600" fill="currentColor" />;
    case "info":
      return (
        <circle cx="5" cy="5" r="3.700" fill="none" stroke="currentColor" strokeWidth="1.800" />
      );
    case "none":
      return (
        <circle
          cx="5"
          cy="5"
          r="3.700"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.400"
          strokeDasharray="2 2"
        />
      );
  }
}

/** Colour, shape and word together. */
export function StateMark(props: {
  readonly state: State;
  readonly word: string;
  readonly quiet?: boolean;
}) {
  return (
    <span className={`st ${props.state}`}>
      <Shape state={props.state} />
      {props.quiet ? <span className="vh">{props.word}</span> : <b>{props.word}</b>}
    </span>
  );
}

export function Badge(props: { readonly state?: State; readonly children: string }) {
  return (
    <span className={`badge ${props.state ?? ""}`}>
      {props.state !== undefined && props.state !== "none" && <Shape state={props.state} />}
      {props.children}
    </span>
  );
}

/** A figure that is limited says so: dashed when right but limited, amber when it may mislead. */
export function Honest(props: {
  readonly children: string;
  readonly why?: string;
  readonly warn?: boolean;
}) {
  return (
    <span
      className={`honest ${props.warn ? "warn" : ""}`}
      {...(props.why && { "data-tip": props.why, tabIndex: 0 })}
    >
      <Shape state={props.warn ? "warn" : "info"} />
      {props.children}
    </span>
  );
}
