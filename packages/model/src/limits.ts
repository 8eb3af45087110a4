/**
 * Default limits. Each has a unit in its name and a reason; configuration may change them, nothing may remove them.
 */
const MiB = 1024 * 1024;

export const defaultLimits = {
  /** OTLP recommends 64 MiB, also after decompression. */
  bodyBytesMax: 64 * MiB,
  /** Items in one request: a full 64 MiB of small spans is about this many. */
  spansPerRequestMax: 200_000,
  linesPerRequestMax: 500_000,
  pointsPerRequestMax: 1_000_000,
  /** A line beyond this is cut and flagged. */
  logLineBytesMax: 256 * 1024,
  /** Depth of arrays and maps inside one attribute value. */
  valueDepthMax: 16,
  /** Depth of JSON containers in a request body. */
  jsonDepthMax: 64,
  attributesPerItemMax: 256,
  /** A longer attribute value is cut. */
  attributeValueBytesMax: 32 * 1024,
  labelsPerSeriesMax: 64,
  labelNameBytesMax: 256,
  labelValueBytesMax: 4096,
  /** Each day of a request is an insert of its own: a year of import, and a bound for garbage times. */
  daysPerRequestMax: 400,
  /** Samples further in the future than this are refused. */
  futureMsMax: 10 * 60 * 1000,
  /** Decoded bytes that all receivers may hold at once; beyond it senders are told to wait. */
  inFlightBytesMax: 256 * MiB,
  queryTimeoutMs: 60_000,
  querySamplesMax: 50_000_000,
  queryBytesMax: 64 * 1024,
  queryPointsPerSeriesMax: 11_000,
  resultLinesDefault: 5_000,
  resultLinesMax: 100_000,
  regexBytesMax: 4096,
} as const;

export type Limits = { readonly [K in keyof typeof defaultLimits]: number };
