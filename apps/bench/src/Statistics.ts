/** The few statistics that the tables are made of. */

/** The q-quantile of some numbers, by linear interpolation; NaN of none. */
const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

export const median = (values: ReadonlyArray<number>) => quantile(values, 0.5)

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const spread = (values: ReadonlyArray<number>): Spread => ({
  median: median(values),
  min: quantile(values, 0),
  max: quantile(values, 1)
})

/** The exponent k of the best y = c * x^k: 1 is linear, 0 does not grow, over 1 is superlinear. */
export const growthExponent = (points: ReadonlyArray<{ readonly x: number; readonly y: number }>): number => {
  const logs = points.filter(({ x, y }) => x > 0 && y > 0).map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }))
  const mean = (of: (p: { readonly x: number; readonly y: number }) => number) =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length
  const mx = mean((p) => p.x)
  const my = mean((p) => p.y)
  return mean((p) => (p.x - mx) * (p.y - my)) / mean((p) => (p.x - mx) ** 2)
}
