/**
 * Marks resources whose attributes are the labels of a Loki stream, under Loki's names. It stands where the schema URL
 * of a resource does, so a line keeps what it was when it was pushed.
 */
export const LOKI_SCHEMA_URL = "urn:triptych:loki-stream";
