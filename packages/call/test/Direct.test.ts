import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Direct from "../src/Direct.ts"
import * as Provenance from "../src/Provenance.ts"

class Greeting extends Context.Service<Greeting, { readonly text: string }>()("Greeting") {}

describe("Direct", () => {
  it.effect("run as an Effect it brings what it is told, at once or later", () =>
    Effect.gen(function* () {
      const now = Direct.make<string>((_caller, asker) => {
        return Direct.tell(asker, Exit.succeed("now"))
      })
      assert.strictEqual(yield* now, "now")
      let answer = (_exit: Exit.Exit<string, string>) => {}
      const later = Direct.make<string, string>((_caller, asker) => {
        answer = asker.tell
        return Direct.ended
      })
      const fiber = yield* Effect.forkChild(Effect.flip(later), { startImmediately: true })
      answer(Exit.fail("no"))
      assert.strictEqual(yield* Fiber.join(fiber), "no")
    })
  )

  it.effect("its interruption ends it, and waits until nothing of it is left", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const end = Effect.andThen(
        Deferred.await(gate),
        Effect.sync(() => log.push("gone"))
      )
      const call = Direct.make<never>(() => ({ end: () => Effect.asVoid(end) }))
      const fiber = yield* Effect.forkChild(call, { startImmediately: true })
      const leaving = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(leaving)
      assert.deepStrictEqual(log, ["gone"])
    })
  )

  it.effect("is begun with its caller's services and trail, as an Effect and in its caller's name", () =>
    Effect.gen(function* () {
      const call = Direct.make<string, never, Greeting>(({ context, trail }, asker) => {
        if (trail !== undefined) trail.provenance = "cached"
        return Direct.tell(asker, Exit.succeed(Context.get(context, Greeting).text))
      })
      const plain = Effect.tap(Greeting, () => Provenance.note("coalesced")).pipe(Effect.map(({ text }) => text))
      for (const [effect, noted] of [[call, "cached"] as const, [plain, "coalesced"] as const]) {
        const trail: Provenance.Trail = { provenance: "fetched" }
        assert.strictEqual(yield* Effect.provideService(effect, Provenance.CurrentTrail, trail), "hello")
        assert.strictEqual(trail.provenance, noted)
        trail.provenance = "fetched"
        const exits: Array<Exit.Exit<string>> = []
        yield* Effect.contextWith((context: Context.Context<Greeting>) =>
          Effect.withFiber((fiber) =>
            Effect.sync(() => Direct.begin(effect, { fiber, context, trail }, { tell: (exit) => exits.push(exit) }))
          )
        )
        assert.deepStrictEqual(exits, [Exit.succeed("hello")])
        assert.strictEqual(trail.provenance, noted)
      }
    }).pipe(Effect.provideService(Greeting, { text: "hello" }))
  )

  it.effect("mapped it is an ordinary Effect", () =>
    Effect.gen(function* () {
      const one = Direct.make<number>((_caller, asker) => {
        return Direct.tell(asker, Exit.succeed(1))
      })
      assert.isTrue(Direct.isDirect(one))
      const two = Effect.map(one, (n) => n + 1)
      assert.isFalse(Direct.isDirect(two))
      assert.strictEqual(yield* two, 2)
    })
  )
})
