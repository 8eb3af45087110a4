/** Random LogQL queries over the lines of `random-log-lines.ts`: for comparing two servers that hold the same lines. */
import { randomLineKinds } from "./random-log-lines.ts";
import type { Rng } from "./rng.ts";

export interface RandomLogql {
  /** A query whose answer is lines. */
  lines(): string;
  /** A query whose answer is numbers. */
  numbers(): string;
}

const labels = ["app", "env", "instance", "status", "region", "level", "pod", "took", "n", "size"];
const found = ["level", "msg", "took", "size", "n", "status", "ok", "user_id", "user_name", "ip"];
const templates = [
  "{{.msg}}",
  "{{.level}} {{.took}} {{.nope}}",
  "{{__line__}} at {{__timestamp__ | unixEpoch}}",
  "{{.level | upper}}-{{.level | lower | title}}",
  '{{ .msg | replace "a" "b" | trunc 5 }}',
  "{{ .msg | trunc -3 }}|{{ .msg | substr 1 4 }}",
  "{{ .n | float64 | round }} {{ .n | int }}",
  "{{ add (.n | int) 2 }} {{ sub 5 2 }} {{ mul 3 (.status | int) }} {{ mod 7 2 }}",
  "{{ addf 1.5 .n }} {{ divf 7 2 }} {{ mulf 1.1 2 }} {{ subf 1 0.5 }}",
  "{{ max 1 2 3 }} {{ min 3 1 }} {{ maxf 1.5 2 }} {{ minf 2 1.5 }} {{ ceil 1.2 }} {{ floor 1.8 }} {{ round 1.256 2 }}",
  '{{ if eq .level "error" }}E{{ else if contains "a" .level }}A{{ else }}-{{ end }}',
  '{{ if and .msg (ne .status "200") }}{{ .status }}{{ end }}',
  '{{ hasPrefix "i" .level }} {{ hasSuffix "o" .level }}',
  '{{ len .msg }} {{ printf "%q %5s %-5s|" .level .status .n }}',
  '{{ default "none" .msg }} {{ coalesce .nope .level "x" }}',
  "{{ .msg | b64enc }} {{ .msg | b64enc | b64dec }}",
  '{{ .msg | urlencode }} {{ "a%20b" | urldecode }}',
  '{{ .msg | trim }}|{{ .msg | trimAll " " }}|{{ trimPrefix "a" .msg }}|{{ trimSuffix "a" .msg }}',
  "{{ .took | duration }} {{ .took | duration_seconds }}",
  "{{ .size | bytes }}",
  '{{ regexReplaceAll "(a+)(b?)" .msg "<$1>" }} {{ regexReplaceAllLiteral "a" .msg "$1" }}',
  '{{ count "a" __line__ }}',
  "{{ repeat 2 .level }} {{ indent 2 .level }} {{ nindent 1 .level }}",
  "{{ alignLeft 5 .level }}|{{ alignRight 5 .level }}",
  "{{ range $k, $v := fromJson __line__ }}{{ $k }};{{ end }}",
  "{{ with .level }}[{{ . }}]{{ end }}",
  "{{ .level | toUpper | ToLower }}{{ .msg | ToUpper }}",
  '{{ __timestamp__ | date "2006-01-02T15:04:05.00Z07:00" }}',
  '{{ toDateInZone "2006-01-02" "UTC" "2024-05-06" | unixEpochMillis }}',
  '{{ toDate "2006-01-02" "2024-05-06" | date "Jan 2" }}',
  '{{ unixToTime "1679577215" | date "15:04" }}',
  "{{ .msg | html }} {{ .msg | js }}",
  '{{ $x := .level }}{{ $x }}{{ index . "level" }}',
  "{{ . | len }}",
  "{{ lt 1 2 }}{{ or .nope .level }}{{ not .msg }}",
  "plain text",
  "",
  "{{.user_name}}:{{.user_id}} {{.odd_key_1}}",
];

export function createRandomLogql(rng: Rng): RandomLogql {
  const { pick, chance } = rng;
  const some = <T>(items: readonly T[], most: number): T[] =>
    Array.from({ length: rng.between(1, most) }, () => pick(items));
  const quoted = (text: string): string =>
    chance(0.3) && !text.includes("`") ? `\`${text}\`` : JSON.stringify(text);

  const selector = (): string => {
    const app = pick(randomLineKinds);
    const all = [
      `app="${app}"`,
      `app=~"${app}|${pick(randomLineKinds)}"`,
      'app!="json"',
      'env="prod"',
      'env=~"pr.*|dev"',
      'env=""',
      'region!~"eu.*"',
      'instance=~"host-[0-5]"',
      'status=~".*"',
      `service_name="${app}"`,
    ];
    const chosen = chance(0.6) ? [`app="${app}"`] : [pick(all.slice(0, 2)), pick(all), pick(all)];
    return `{${[...new Set(chosen)].join(", ")}}`;
  };
  const lineFilter = (): string => {
    const text = pick(["error", "a", "took", "=", "", "GET", '"level"', "日本", "1", " ", "INFO"]);
    const regex = pick([
      "err.r",
      "(?i)error|warn",
      "^\\{",
      "\\d+ms",
      "[a-c]+$",
      "",
      ".*",
      "\\s{2,}",
      "é",
    ]);
    const pattern = pick([
      "<_>level<_>",
      "<_>took=<_> <_>",
      "level=<_>",
      "<_>",
      "<_>error",
      "{<_>}",
    ]);
    const ip = pick(["10.0.0.5", "10.0.0.0/8", "192.168.1.1-192.168.1.99", "::1", "fe80::/10"]);
    const op = pick(["|=", "!=", "|~", "!~", "|>", "!>", "|=", "|~"]);
    if (chance(0.08)) return `${pick(["|=", "!="])} ip("${ip}")`;
    const value = op.endsWith("=") ? text : op.endsWith("~") ? regex : pattern;
    const or = chance(0.15) ? ` or ${quoted(pick(["warn", "b", "status"]))}` : "";
    return `${op} ${quoted(value)}${or}`;
  };
  const parser = (): string => {
    const json = [
      "json",
      'json level, user_id="user.id"',
      'json lev="level", x="deep.er.est", t="tags[1]"',
      'json first="tags[0]", obj="user", missing="nope"',
      'json odd="[\\"odd key-1\\"]", dot="[\\"a.b\\"]"',
    ];
    const logfmt = [
      "logfmt",
      "logfmt --strict",
      "logfmt --keep-empty",
      "logfmt --strict --keep-empty",
      'logfmt lev="level", m="msg"',
      "logfmt level, took, n",
      'logfmt --strict user="user_id"',
    ];
    const regexp = [
      'regexp "(?P<verb>GET|POST) (?P<path>\\\\S+)"',
      'regexp `level"?[=:]"?(?P<level>\\w+)`',
      "regexp `(?P<n>\\d+)(?P<rest>.*)`",
    ];
    const pattern = [
      'pattern `<ip> - - "<verb> <path> <_>" <status> <size> <took>`',
      "pattern `<level>: <msg>`",
      "pattern `<_>level=<level> <_>`",
      "pattern `[<level>] client <ip>:<port> <rest>`",
    ];
    return `| ${pick([...json, "json", "json", ...logfmt, "logfmt", "logfmt", ...regexp, ...pattern, "unpack"])}`;
  };
  const labelTest = (depth = 1): string => {
    const name = pick(found);
    const op = pick(["==", "!=", ">", ">=", "<", "<=", "="]);
    const tests = [
      () => `${pick(labels)}${pick(["=", "!="])}${quoted(pick(["error", "", "200", "prod", "7"]))}`,
      () =>
        `${name}${pick(["=~", "!~"])}${quoted(pick(["err.*|warn", ".+", "", "[0-9]+", "(?i)INFO"]))}`,
      () =>
        `${pick(["n", "status", "user_id", "took"])} ${op} ${pick(["1", "200", "2.5", "-3", "0"])}`,
      () => `took ${op} ${pick(["10ms", "1s", "1m30s", "0s", "1h"])}`,
      () => `size ${op} ${pick(["1KB", "2MB", "10b", "1MiB", "512B"])}`,
      () =>
        `ip ${pick(["=", "!="])} ip("${pick(["10.0.0.0/8", "192.168.0.0-192.168.255.255", "::1"])}")`,
      () =>
        `__error__${pick(["=", "!="])}${quoted(pick(["", "JSONParserErr", "LogfmtParserErr"]))}`,
      () => `detected_level=${quoted(pick(["error", "info", "unknown"]))}`,
    ];
    const one = pick(tests)();
    if (depth === 0 || chance(0.7)) return one;
    const joiner = pick([" and ", " or ", ", ", " "]);
    const two = `${one}${joiner}${labelTest(0)}`;
    return chance(0.2) ? `(${two})` : two;
  };
  const format = (): string => {
    const name = pick(["level", "lev", "msg", "x", "app", "env"]);
    return pick<() => string>([
      () => `| line_format ${quoted(pick(templates))}`,
      () => `| line_format ${quoted(pick(templates))}`,
      () => `| label_format ${name}=${pick(found)}`,
      () => `| label_format ${name}=${quoted(pick(templates))}`,
      () => `| label_format a=${pick(found)}, b=${quoted(pick(templates))}`,
      () => `| drop ${[...new Set(some(labels, 3))].join(", ")}`,
      () => `| drop level="error", app=~"j.*", __error__`,
      () => `| keep ${[...new Set(some(labels, 3))].join(", ")}`,
      () => `| keep level=~"e.*|i.*", app, instance`,
      () => "| decolorize",
    ])();
  };
  const stages = (most: number): string => {
    const out: string[] = [];
    if (chance(0.35)) out.push(lineFilter());
    const count = rng.below(most + 1);
    for (let i = 0; i < count; i++) {
      const kind = rng.next();
      if (kind < 0.4) out.push(parser());
      else if (kind < 0.65) out.push(`| ${labelTest()}`);
      else if (kind < 0.85) out.push(format());
      else out.push(lineFilter());
    }
    return out.map((stage) => ` ${stage}`).join("");
  };
  const lines = (): string => `${selector()}${stages(4)}`;

  const range = (): string =>
    `[${pick(["1m", "5m", "30s", "2m", "90s", "7s"])}]${chance(0.1) ? ` offset ${pick(["1m", "30s", "-1m"])}` : ""}`;
  /** Lines with errors fail the query: most of the queries drop them. */
  const clean = (): string =>
    chance(0.9) ? pick([' | __error__=""', " | drop __error__, __error_details__"]) : "";
  const grouping = (): string => {
    if (chance(0.25)) return "";
    const names = chance(0.1) ? [] : [...new Set(some([...labels, "app", "instance"], 2))];
    return ` ${pick(["by", "by", "without"])} (${names.join(", ")})`;
  };
  const unwrapped = (): string => {
    const what = pick([
      "n",
      "duration(took)",
      "bytes(size)",
      "status",
      "duration_seconds(took)",
      "user_id",
    ]);
    const op = pick([
      ...["sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "stddev_over_time"],
      ...["stdvar_over_time", "first_over_time", "last_over_time", "quantile_over_time"],
      ...["rate", "rate_counter", "absent_over_time"],
    ]);
    const query = `${selector()}${stages(1)} | ${pick(["json", "logfmt"])}${stages(1)} | unwrap ${what}${chance(0.9) ? ' | __error__=""' : ""} ${range()}`;
    const param = op === "quantile_over_time" ? `${pick(["0.5", "0.99", "0", "1"])}, ` : "";
    const canGroup = !["sum_over_time", "rate", "rate_counter", "absent_over_time"].includes(op);
    return `${op}(${param}${query})${canGroup ? grouping() : ""}`;
  };
  const counted = (): string => {
    const op = pick([
      "count_over_time",
      "rate",
      "bytes_over_time",
      "bytes_rate",
      "absent_over_time",
    ]);
    return `${op}(${selector()}${stages(3)}${clean()} ${range()})`;
  };
  const leaf = (): string => (chance(0.4) ? unwrapped() : counted());
  const aggregated = (depth: number): string => {
    const inner = numbersOf(depth - 1);
    if (chance(0.15))
      return `${pick(["topk", "bottomk"])}${grouping()} (${pick(["1", "3"])}, ${inner})`;
    if (chance(0.08)) return `${pick(["sort", "sort_desc"])}(${inner})`;
    if (chance(0.04)) return `approx_topk(${pick(["2", "5"])}, sum${grouping()} (${counted()}))`;
    return `${pick(["sum", "avg", "min", "max", "count", "stddev", "stdvar", "sum"])}${grouping()} (${inner})`;
  };
  const binary = (depth: number): string => {
    const op = pick(["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<="]);
    const bool = /[<>=!]/.test(op) && chance(0.4) ? " bool" : "";
    const number = pick(["0", "1", "2.5", "100"]);
    if (chance(0.4)) return `${numbersOf(depth - 1)} ${op}${bool} ${number}`;
    if (chance(0.2)) return `${number} ${op}${bool} ${numbersOf(depth - 1)}`;
    if (chance(0.3)) {
      const on = chance(0.5) ? ` ${pick(["on", "ignoring"])} (${pick(["app", "env"])})` : "";
      return `${numbersOf(depth - 1)} ${pick(["and", "or", "unless"])}${on} ${numbersOf(depth - 1)}`;
    }
    if (chance(0.4)) {
      const many = `sum by (app, instance) (${counted()})`;
      return `${many} ${op}${bool} on (app) group_left sum by (app) (${counted()})`;
    }
    return `sum by (app) (${counted()}) ${op}${bool} sum by (app) (${counted()})`;
  };
  function numbersOf(depth: number): string {
    const kind = rng.next();
    if (depth <= 0 || kind < 0.2) return leaf();
    if (kind < 0.7) return aggregated(depth);
    if (kind < 0.9) return binary(depth);
    if (chance(0.2)) return `vector(${pick(["1", "0.5"])})`;
    return `label_replace(${numbersOf(depth - 1)}, "copy", "$1-x", "${pick(["app", "instance"])}", "${pick(["(.*)", "(j).*", "host-(.)"])}")`;
  }
  return { lines, numbers: () => numbersOf(2) };
}
