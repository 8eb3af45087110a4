/**
 * The resource and the scope that items belong to. Their rows are added when the first item needs them, so that a
 * request of a million empty resources costs nothing.
 */
import type { Dictionary, ResourceTable, ScopeTable } from "@triptych/model";
import { AttributeWriter, type ValueRules } from "./attribute-writer.ts";

const SERVICE_NAME = new TextEncoder().encode("service.name");

/** What `SpanBatch` and `LogBatch` have in common. */
export interface EntityTables {
  readonly keys: Dictionary;
  readonly strings: Dictionary;
  readonly resources: ResourceTable;
  readonly scopes: ScopeTable;
}

export class EntityWriter {
  readonly resourceAttributes: AttributeWriter;
  readonly scopeAttributes: AttributeWriter;
  /** Rows that the next item belongs to. */
  resource = 0;
  scope = 0;
  private readonly tables: EntityTables;
  private readonly serviceNameKey: number;
  private scopeName = 0;
  private scopeVersion = 0;

  constructor(tables: EntityTables, rules: ValueRules) {
    this.tables = tables;
    this.resourceAttributes = new AttributeWriter(tables.resources.attributes, tables.keys, rules);
    this.scopeAttributes = new AttributeWriter(tables.scopes.attributes, tables.keys, rules);
    this.serviceNameKey = tables.keys.intern(SERVICE_NAME, 0, SERVICE_NAME.length);
  }

  beginResource(): void {
    this.resourceAttributes.begin();
  }

  /** Closes the open resource; its schema URL is `source[start .. end)`. */
  endResource(source: Uint8Array, start: number, end: number): void {
    const { resources, strings } = this.tables;
    const { columns } = this.resourceAttributes;
    this.resourceAttributes.end();
    const row = columns.rows - 1;
    const entry = columns.find(row, this.serviceNameKey);
    let name = -1;
    if (entry >= 0) {
      const { values } = columns;
      const from = values.offsets[entry] as number;
      const to = values.offsets[entry + 1] as number;
      if (to > from) name = strings.intern(values.bytes, from, to);
    }
    if (name < 0) name = strings.internText("unknown_service");
    // `end` closes the row itself.
    columns.rows = row;
    this.resource = resources.end(name);
    resources.schemaUrl.append(source, start, end);
  }

  /** Sets the schema URL of the last resource, for encodings where it comes late. */
  setResourceSchema(source: Uint8Array, start: number, end: number): void {
    const { schemaUrl } = this.tables.resources;
    schemaUrl.rows--;
    schemaUrl.append(source, start, end);
  }

  setScopeSchema(source: Uint8Array, start: number, end: number): void {
    const { schemaUrl } = this.tables.scopes;
    schemaUrl.rows--;
    schemaUrl.append(source, start, end);
  }

  beginScope(): void {
    this.scopeAttributes.begin();
    this.scopeName = -1;
    this.scopeVersion = -1;
  }

  setScopeName(source: Uint8Array, start: number, end: number): void {
    this.scopeName = this.tables.strings.intern(source, start, end);
  }

  setScopeVersion(source: Uint8Array, start: number, end: number): void {
    this.scopeVersion = this.tables.strings.intern(source, start, end);
  }

  endScope(source: Uint8Array, start: number, end: number): void {
    const { scopes, strings } = this.tables;
    const { columns } = this.scopeAttributes;
    if (this.scopeName < 0) this.scopeName = strings.internText("");
    if (this.scopeVersion < 0) this.scopeVersion = strings.internText("");
    this.scopeAttributes.end();
    columns.rows--;
    this.scope = scopes.end(this.scopeName, this.scopeVersion);
    scopes.schemaUrl.append(source, start, end);
  }

  /** Takes all scopes back; for signals that keep nothing of them. */
  forgetScopes(): void {
    this.scopeAttributes.clear();
    this.tables.scopes.schemaUrl.rows = 0;
  }

  forgetResources(): void {
    this.resourceAttributes.clear();
    this.tables.resources.schemaUrl.rows = 0;
  }
}
