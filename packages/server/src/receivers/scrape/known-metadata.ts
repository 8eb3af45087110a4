/**
 * What a target said of its metrics: type, help and unit by family. As in Prometheus a family is remembered for ten
 * scrapes after it was last shown, so that it is still known while a target has trouble.
 */
import type { MetricMetadata } from "@triptych/model";

const SCRAPES_KEPT = 10;
/** A target that shows other families each time, and always fails, is forgotten from here on. */
const SURPLUS_MAX = 1000;

export class KnownMetadata {
  private readonly families = new Map<string, { metadata: MetricMetadata; scrape: number }>();
  private scrape = 0;
  private usual = 0;

  /** The metadata of a scrape, also of one that was read in part only. */
  see(shown: readonly MetricMetadata[]): void {
    for (const metadata of shown)
      this.families.set(metadata.family, { metadata, scrape: this.scrape });
  }

  /** Ends a scrape. Only one that went well makes others be forgotten. */
  end(isWhole: boolean): void {
    const { families, scrape } = this;
    const isTooMuch = families.size > this.usual * 2 + SURPLUS_MAX;
    if (isWhole || isTooMuch)
      for (const [family, known] of families)
        if (scrape - known.scrape > SCRAPES_KEPT || isTooMuch) families.delete(family);
    if (isWhole) this.usual = families.size;
    this.scrape++;
  }

  list(): MetricMetadata[] {
    return Array.from(this.families.values(), ({ metadata }) => metadata);
  }
}
