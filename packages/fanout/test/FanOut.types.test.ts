import { describe, expectTypeOf, it } from "@effect/vitest"
import { Context, Data, Effect } from "effect"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"

class NoRoom extends Data.TaggedError("NoRoom")<{}> {}
class NoUser extends Data.TaggedError("NoUser")<{}> {}
class Down extends Data.TaggedError("Down")<{}> {}
class Rooms extends Context.Service<Rooms, { readonly room: Effect.Effect<string, NoRoom | Down> }>()("Rooms") {}
class Users extends Context.Service<Users, { readonly user: Effect.Effect<number, NoUser | Down> }>()("Users") {}

const room = Rooms.use((rooms) => rooms.room)
const user = Users.use((users) => users.user)

describe("the types of a composition", () => {
  it("failFast: each part's data under its key, the union of errors, the union of needs", () => {
    expectTypeOf(FanOut.failFast({ room, user })).toEqualTypeOf<
      Effect.Effect<{ readonly room: string; readonly user: number }, NoRoom | NoUser | Down, Rooms | Users>
    >()
  })

  it("settle: no error is left, each is in its part's outcome", () => {
    expectTypeOf(FanOut.settle({ room, user })).toEqualTypeOf<
      Effect.Effect<
        { readonly room: Part.Outcome<string, NoRoom | Down>; readonly user: Part.Outcome<number, NoUser | Down> },
        never,
        Rooms | Users
      >
    >()
  })

  it("degrade: says what can go wrong with the required part and nothing about the optional one", () => {
    expectTypeOf(FanOut.degrade({ room: Part.required(room), user: Part.optional(user) })).toEqualTypeOf<
      Effect.Effect<
        { readonly room: string; readonly user: Part.Outcome<number, NoUser | Down> },
        NoRoom | Down,
        Rooms | Users
      >
    >()
  })

  it("an optional part cannot be read without looking at its status", () => {
    const read = ({ user }: { readonly user: Part.Outcome<number, NoUser> }): number => {
      // @ts-expect-error: there may be no data
      const unseen: unknown = user.data
      void unseen
      return user.status === "ok" ? user.data : 0
    }
    expectTypeOf(read).returns.toBeNumber()
  })

  it("a part that may be left out is its data or skipped", () => {
    const guest: boolean = Date.now() > 0
    expectTypeOf(FanOut.degrade({ user: guest ? Part.skipped : Part.required(user) })).toEqualTypeOf<
      Effect.Effect<{ readonly user: number | Part.Skipped }, NoUser | Down, Users>
    >()
  })

  it("a fallback has the part's own type", () => {
    // @ts-expect-error: the part is a number
    Part.optional(user, { fallback: () => "none" })
    expectTypeOf(Part.optional(user, { fallback: () => 0 })).toEqualTypeOf<
      Part.Optional<number, NoUser | Down, Users>
    >()
  })

  it("a step knows the data it needs, and adds its needs but no error: its outcome is beside that of the first part", () => {
    const parts = {
      room: Part.followedBy(Part.required(room), { user: (room) => Part.optional(Effect.as(user, room.length)) })
    }
    expectTypeOf(FanOut.degrade(parts)).toEqualTypeOf<
      Effect.Effect<
        {
          readonly room: {
            readonly self: string
            readonly steps: { readonly user: Part.Outcome<number, NoUser | Down> }
          }
        },
        NoRoom | Down,
        Rooms | Users
      >
    >()
  })

  it("a step that may be left out, after an optional part: two outcomes and no error", () => {
    const parts = {
      room: Part.followedBy(Part.optional(room), {
        user: (room) => (room === "" ? Part.skipped : Part.optional(user))
      })
    }
    expectTypeOf(FanOut.degrade(parts)).toEqualTypeOf<
      Effect.Effect<
        {
          readonly room: {
            readonly self: Part.Outcome<string, NoRoom | Down>
            readonly steps: { readonly user: Part.Outcome<number, NoUser | Down> }
          }
        },
        never,
        Rooms | Users
      >
    >()
  })

  it("what a step takes follows from the part before it, also where both are written in place", () => {
    const door = Effect.map(room, (name) => ({ name, number: 1 }))
    const both = FanOut.degrade({
      door: Part.followedBy(Part.optional(door), { next: ({ number }) => Part.optional(Effect.as(user, number + 1)) })
    })
    expectTypeOf<Effect.Success<typeof both>["door"]["steps"]["next"]>().toEqualTypeOf<
      Part.Outcome<number, NoUser | Down>
    >()
  })

  it("a step cannot ask for other data, nor be required", () => {
    // @ts-expect-error: the room is a string
    Part.followedBy(Part.optional(room), { user: (id: number) => Part.optional(Effect.as(user, id)) })
    // @ts-expect-error: what is needed is one part with the room
    Part.followedBy(Part.optional(room), { user: () => Part.required(user) })
  })

  it("forEach: the fan-out's own error and needs, its results in an array", () => {
    const each = FanOut.forEach([1, 2], () => FanOut.failFast({ room, user }), { concurrency: 2, name: String })
    expectTypeOf(each).toEqualTypeOf<
      Effect.Effect<Array<{ readonly room: string; readonly user: number }>, NoRoom | NoUser | Down, Rooms | Users>
    >()
  })
})
