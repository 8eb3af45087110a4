/** Sums and means of native histograms that keep what rounding loses. */
import {
  addExactly,
  compensate,
  type Compensation,
  divide,
  hasOverflow,
  type Histogram,
  multiply,
  scaleCompensation,
} from "./histogram.ts";

class Seen {
  /** Custom buckets had different bounds. */
  reconciled = false;
  private reset = false;
  private notReset = false;

  get collision(): boolean {
    return this.reset && this.notReset;
  }

  protected see({ hint }: Histogram): void {
    if (hint === "reset") this.reset = true;
    if (hint === "not_reset") this.notReset = true;
  }
}

export class HistogramSum extends Seen {
  private sum: Histogram | undefined;
  private lost: Compensation | undefined;

  /** False when the histogram does not fit those before it. */
  add(histogram: Histogram): boolean {
    this.see(histogram);
    if (this.sum === undefined) {
      this.sum = histogram;
      return true;
    }
    const combined = addExactly(this.sum, histogram, this.lost);
    if (combined === undefined) return false;
    this.sum = combined.histogram;
    this.lost = combined.compensation;
    if (combined.reconciled) this.reconciled = true;
    return true;
  }

  result(): Histogram | undefined {
    return this.lost === undefined || this.sum === undefined
      ? this.sum
      : compensate(this.sum, this.lost);
  }
}

/** The mean of the sum, or from where that would overflow, of the means so far. */
export class HistogramMean extends Seen {
  private sum: Histogram | undefined;
  private lost: Compensation | undefined;
  private count = 0;
  private isMean = false;

  /** False when the histogram does not fit those before it. */
  add(histogram: Histogram): boolean {
    this.see(histogram);
    this.count++;
    if (this.sum === undefined) {
      this.sum = histogram;
      return true;
    }
    if (!this.isMean) {
      const combined = addExactly(this.sum, histogram, this.lost);
      if (combined === undefined) return false;
      if (combined.reconciled) this.reconciled = true;
      if (!hasOverflow(combined.histogram)) {
        this.sum = combined.histogram;
        this.lost = combined.compensation;
        return true;
      }
      this.isMean = true;
      this.sum = divide(this.sum, this.count - 1);
      this.lost = this.lost && scaleCompensation(this.lost, 1 / (this.count - 1));
    }
    return this.addToMean(this.sum, histogram);
  }

  private addToMean(mean: Histogram, histogram: Histogram): boolean {
    const share = (this.count - 1) / this.count;
    const lost = this.lost && scaleCompensation(this.lost, share);
    const part = divide(histogram, this.count);
    const combined = addExactly(multiply(mean, share), part, lost);
    if (combined === undefined) return false;
    if (combined.reconciled) this.reconciled = true;
    this.sum = combined.histogram;
    this.lost = combined.compensation;
    return true;
  }

  result(): Histogram | undefined {
    const { sum, lost, count } = this;
    if (sum === undefined) return undefined;
    if (this.isMean) return lost === undefined ? sum : compensate(sum, lost);
    const mean = divide(sum, count);
    return lost === undefined ? mean : compensate(mean, scaleCompensation(lost, 1 / count));
  }
}
