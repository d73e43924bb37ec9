/**
 * A small pseudo-random generator (mulberry32) with its state in the open: the same seed gives the same numbers on every
 * machine and every release, which the reference data needs. For latencies and faults, which ought to differ, use Random.
 */
export interface Prng {
  state: number
}

export const make = (seed: number): Prng => ({ state: seed >>> 0 })

/** The next number, 0 <= x < 1. */
export const next = (prng: Prng): number => {
  prng.state = (prng.state + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(prng.state ^ (prng.state >>> 15), 1 | prng.state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
}

/** A whole number, `from <= n <= to`. */
export const integer = (prng: Prng, from: number, to: number): number => from + Math.floor(next(prng) * (to - from + 1))

/** True in `share` of the cases. */
export const chance = (prng: Prng, share: number): boolean => next(prng) < share

/** One of the list; `fallback` where the list is empty. */
export const pick = <A>(prng: Prng, list: ReadonlyArray<A>, fallback: A): A =>
  list[Math.floor(next(prng) * list.length)] ?? fallback

/** `count` of the list, each at most once, in the list's order. */
export const some = <A>(prng: Prng, list: ReadonlyArray<A>, count: number): ReadonlyArray<A> => {
  const taken: Array<A> = []
  list.forEach((item, index) => {
    if (next(prng) < (count - taken.length) / (list.length - index)) taken.push(item)
  })
  return taken
}
