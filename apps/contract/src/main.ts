/**
 * `pnpm contract --upstream live --url http://…`: asks a live service what a room's entry will ask of it, and prints what it
 * breaks. The exit code is 1 where it breaks anything.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { RoomId } from "@portico/room/RoomId"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import { UserId } from "@portico/room/UserId"
import * as Contract from "@portico/testing/Contract"
import { Transport } from "@portico/upstream/Transport"
import { Console, Data, Duration, Effect, Exit, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Subjects from "./Subjects.ts"

/** Printed already, with all there is to say. */
class Broken extends Data.TaggedError("Broken")<{}> {}

const isWeb = ({ protocol }: URL) => protocol === "http:" || protocol === "https:"

const flags = {
  upstream: Flag.Literals("upstream", RoomUpstreams.names).pipe(Flag.withDescription("Which contract the service has")),
  url: Flag.String("url").pipe(
    Flag.withSchema(Schema.URLFromString),
    Flag.withDescription("Where it is: the base URL, before /rooms, /users or /version"),
    Flag.filter(isWeb, () => "an http or https URL")
  ),
  room: Flag.String("room").pipe(
    Flag.withSchema(RoomId),
    Flag.withDescription("A room that there is; may be given more than once (1001)"),
    Flag.atLeast(0)
  ),
  user: Flag.String("user").pipe(
    Flag.withSchema(UserId),
    Flag.withDescription(
      "A user that there is, granted something in the first room; may be given more than once (2001)"
    ),
    Flag.atLeast(0)
  ),
  noRoom: Flag.String("no-room").pipe(
    Flag.withSchema(RoomId),
    Flag.withDescription("A room that there is not"),
    Flag.withDefault(RoomId.make("no-such-room"))
  ),
  noUser: Flag.String("no-user").pipe(
    Flag.withSchema(UserId),
    Flag.withDescription("A user that there is not"),
    Flag.withDefault(UserId.make("no-such-user"))
  ),
  batch: Flag.Boolean("batch").pipe(
    Flag.withDescription("Check the batch form too (user and equity)"),
    Flag.withDefault(false)
  ),
  timeout: Flag.String("timeout").pipe(
    Flag.withSchema(Schema.DurationFromString),
    Flag.withDescription('The limit of one request, such as "2 seconds"'),
    Flag.withDefault(Duration.seconds(5))
  )
}

const orElse = <A>(given: ReadonlyArray<A>, otherwise: A): readonly [A, ...ReadonlyArray<A>] => {
  const [first = otherwise, ...rest] = given
  return [first, ...rest]
}

const contract = Command.make("contract", flags, ({ upstream, url, room, user, ...options }) =>
  Effect.gen(function* () {
    const report = yield* Subjects.checks[upstream]({
      ...options,
      baseUrl: url,
      rooms: orElse(room, RoomId.make("1001")),
      users: orElse(user, UserId.make("2001"))
    })
    yield* Console.log(Contract.render(report))
    if (!report.kept) return yield* new Broken()
  }).pipe(Effect.provide(Transport.layer))
).pipe(Command.withDescription("Checks that a live service keeps the contract of one of a room's upstreams"))

contract.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), (program) =>
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : 1)
  })
)
