/**
 * A call whose question comes by the context: so the policies are put around it once for the upstream, and not anew for
 * every question, which would allocate an Effect for each of them.
 */
import { Context, Effect, type Fiber } from "effect"
import type { Policy } from "../Policy.ts"
import type { UpstreamError } from "../UpstreamError.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

export const asking = <Q, A, E>(key: string, attempt: (fiber: AnyFiber, question: Q) => Effect.Effect<A, E>) => {
  const Asked = Context.Service<Q>(key)
  const call = Effect.withFiber<A, E, Q>((fiber) => attempt(fiber, Context.getUnsafe(fiber.context, Asked)))
  return (policy: Policy<UpstreamError>): ((question: Q) => Effect.Effect<A, E | UpstreamError>) => {
    const stacked = policy(call)
    return (question) => Effect.provideService(stacked, Asked, question)
  }
}
