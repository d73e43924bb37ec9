/**
 * What an upstream's class makes of an input: an Effect that needs the service and nothing else.
 *
 * One object each, and no closures: they are there for as long as an entry is under way, and what is there is what a young
 * collection copies.
 */
import * as Direct from "@portico/call/Direct"
import { Context, type Option } from "effect"
import type * as Freshness from "../Freshness.ts"
import type { Fetcher } from "../Upstream.ts"
import type { UpstreamError } from "../UpstreamError.ts"

type Tag<Self, I, A, E> = Context.Key<Self, Fetcher<I, A, E>>

/** Asks the service. */
export class Fetch<Self, I, A, E> extends Direct.Direct<A, E | UpstreamError, Self> {
  private readonly tag: Tag<Self, I, A, E>
  private readonly input: I

  constructor(tag: Tag<Self, I, A, E>, input: I) {
    super()
    this.tag = tag
    this.input = input
  }

  override begin(caller: Direct.Caller<Self>, asker: Direct.Asker<A, E | UpstreamError>): Direct.Begun {
    return Direct.begin(Context.get(caller.context, this.tag).fetch(this.input), caller, asker)
  }

  override usualMillis(context: Context.Context<Self>): number {
    return Context.get(context, this.tag).usualMillis?.() ?? 0
  }
}

/** Asks the service for its last good answer. */
export class LastGood<Self, I, A, E> extends Direct.Direct<Option.Option<Freshness.LastGood<A>>, never, Self> {
  private readonly tag: Tag<Self, I, A, E>
  private readonly input: I

  constructor(tag: Tag<Self, I, A, E>, input: I) {
    super()
    this.tag = tag
    this.input = input
  }

  override begin(
    caller: Direct.Caller<Self>,
    asker: Direct.Asker<Option.Option<Freshness.LastGood<A>>, never>
  ): Direct.Begun {
    return Direct.begin(Context.get(caller.context, this.tag).lastGood(this.input), caller, asker)
  }

  override usualMillis(): number {
    return 0
  }
}
