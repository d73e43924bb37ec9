/**
 * Sums over a sliding window of time, in slices: what is older than the window falls out slice by slice. Memory and the
 * cost of adding are constant; reading costs one pass over the slices. Synchronous, so that a policy can be plain code
 * around one Effect.
 */
export class RollingSum {
  private readonly slices: Float64Array
  private readonly sliceMillis: number
  private readonly lanes: number
  private newest = 0

  /** `lanes` sums that share one window: calls and failures, say. */
  constructor(windowMillis: number, lanes = 1, slices = 10) {
    this.slices = new Float64Array(slices * lanes)
    this.sliceMillis = windowMillis / slices
    this.lanes = lanes
  }

  add(now: number, amount: number, lane = 0): void {
    const slice = this.turnTo(now)
    const at = slice * this.lanes + lane
    this.slices[at] = (this.slices[at] ?? 0) + amount
  }

  sum(now: number, lane = 0): number {
    this.turnTo(now)
    let sum = 0
    for (let at = lane; at < this.slices.length; at += this.lanes) sum += this.slices[at] ?? 0
    return sum
  }

  reset(): void {
    this.slices.fill(0)
  }

  /** Empties the slices that time has passed by, and gives the one for now. A clock that steps back stays in the newest. */
  private turnTo(now: number): number {
    const count = this.slices.length / this.lanes
    const current = Math.max(this.newest, Math.floor(now / this.sliceMillis))
    const passed = Math.min(count, current - this.newest)
    for (let step = 0; step < passed; step++) {
      const from = ((current - step) % count) * this.lanes
      this.slices.fill(0, from, from + this.lanes)
    }
    this.newest = current
    return current % count
  }
}
