/**
 * Quantiles of the latencies of the last while: a log-linear histogram (as HdrHistogram's: 16 steps to each doubling, so
 * a quantile is at most 6.25 % above the true one) in slices of time that fall out one by one.
 *
 * Recording costs one increment. The quantiles are computed once a second at most, since a pass over the histogram for
 * every call would cost more than the call's policy.
 */
export class LatencyWindow {
  private readonly slices: ReadonlyArray<Uint32Array>
  private readonly sliceMillis: number
  private newest = 0
  private computedAt = -Infinity
  private answer: Quantiles | undefined

  constructor(windowMillis: number, slices = 6) {
    this.slices = Array.from({ length: slices }, () => new Uint32Array(steps))
    this.sliceMillis = windowMillis / slices
  }

  record(now: number, millis: number): void {
    const slice = this.turnTo(now)
    const step = stepOf(millis)
    slice[step] = (slice[step] ?? 0) + 1
  }

  /** Undefined while fewer than `atLeast` latencies are known. */
  quantiles(now: number, quantile: number, atLeast: number): Quantiles | undefined {
    if (now - this.computedAt < 1000) return this.answer
    this.turnTo(now)
    this.computedAt = now
    const all = new Float64Array(steps)
    let count = 0
    for (const slice of this.slices) {
      for (let step = 0; step < steps; step++) {
        const some = slice[step] ?? 0
        all[step] = (all[step] ?? 0) + some
        count += some
      }
    }
    this.answer = count < atLeast ? undefined : { median: at(all, count, 0.5), tail: at(all, count, quantile) }
    return this.answer
  }

  private turnTo(now: number): Uint32Array {
    const current = Math.max(this.newest, Math.floor(now / this.sliceMillis))
    const passed = Math.min(this.slices.length, current - this.newest)
    for (let step = 0; step < passed; step++) this.slices[(current - step) % this.slices.length]?.fill(0)
    this.newest = current
    return this.slices[current % this.slices.length] ?? empty
  }
}

export interface Quantiles {
  /** Milliseconds. */
  readonly median: number
  /** Milliseconds: the quantile asked for. */
  readonly tail: number
}

const perDoubling = 16
/** From 1/16 ms; 22 doublings reach beyond four minutes. */
const smallest = 1 / 16
const steps = perDoubling * 22
const empty = new Uint32Array(steps)

const stepOf = (millis: number): number => {
  if (!(millis > smallest)) return 0
  return Math.min(steps - 1, Math.ceil(Math.log2(millis / smallest) * perDoubling))
}

/** The upper edge of a step. */
const edge = (step: number): number => smallest * 2 ** (step / perDoubling)

const at = (all: Float64Array, count: number, quantile: number): number => {
  let left = Math.ceil(count * quantile)
  for (let step = 0; step < steps; step++) {
    left -= all[step] ?? 0
    if (left <= 0) return edge(step)
  }
  return edge(steps - 1)
}
