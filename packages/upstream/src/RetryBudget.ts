/**
 * A bound on extra attempts as a share of requests, so that retries never become the load.
 *
 * A leaky token bucket (Finagle's RetryBudget, which tower and Linkerd took over): each request deposits, each extra attempt
 * withdraws `1 / share` deposits, and both are forgotten after the window. A standing reserve pays a few attempts a second
 * where requests are rare. Over any window extra attempts are at most `share` of the requests plus the reserve.
 *
 * One budget an upstream, shared by everything that retries it. Hedges have one of their own ({@link make} with another
 * share and no reserve).
 */
import { Duration } from "effect"
import { RollingSum } from "./internal/RollingSum.ts"

/** A budget. `now` is in milliseconds of the Clock. */
export interface RetryBudget {
  /** A request was made. */
  readonly deposit: (now: number) => void
  /** Pays for one extra attempt, or says that it cannot be paid. */
  readonly tryWithdraw: (now: number) => boolean
  /** How many extra attempts could be paid now. */
  readonly balance: (now: number) => number
}

/** How much it pays. */
export interface Options {
  /** Extra attempts as a share of requests: 0.2 is one for every five. */
  readonly share: number
  /** Extra attempts a second that are paid without any request. */
  readonly perSecond: number
  /** How long deposits and withdrawals count. */
  readonly window: Duration.Input
}

/** 20 % and 10 a second over 10 seconds, as Finagle has it. */
export const defaults: Options = { share: 0.2, perSecond: 10, window: "10 seconds" }

/**
 * A budget with nothing but its reserve.
 *
 * @example
 * const budget = RetryBudget.make({ share: 0.2, perSecond: 0, window: "10 seconds" })
 * for (let request = 0; request < 5; request++) budget.deposit(0)
 * budget.tryWithdraw(0) // => true
 * budget.tryWithdraw(0) // => false
 */
export const make = ({ share, perSecond, window }: Options): RetryBudget => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(window))
  const deposits = new RollingSum(millis)
  const reserve = (perSecond * millis) / 1000
  const balance = (now: number) => reserve + deposits.sum(now)
  return {
    deposit: (now) => deposits.add(now, share),
    tryWithdraw: (now) => {
      // Sums of fractions: ten deposits of 0.1 are a little less than 1.
      if (balance(now) < 1 - 1e-9) return false
      deposits.add(now, -1)
      return true
    },
    balance
  }
}

/** Pays for everything: for tests, and where something else bounds the load. */
export const infinite: RetryBudget = { deposit: () => {}, tryWithdraw: () => true, balance: () => Infinity }
