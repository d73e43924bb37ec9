/**
 * `npx -y pnpm demo`: five tasks of 1 to 5 seconds, run in turn, at once, and at once until one fails; `--speed 10` shows it
 * in a tenth of the time.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as Demo from "./Demo.ts"
import * as Screen from "./Screen.ts"
import * as Speed from "./Speed.ts"

const speed = Flag.Finite("speed").pipe(
  Flag.withDescription(
    "How many times as fast to run, above 0 and at most 1000. Times are shown in the tasks' seconds: measured, times the speed."
  ),
  Flag.withDefault(1),
  Flag.filter(
    // A timer's millisecond is a whole second at 1000.
    (speed) => speed > 0 && speed <= 1_000,
    () => "a number above 0 and at most 1000"
  )
)

const demo = Command.make("demo", { speed }, ({ speed }) =>
  Demo.program.pipe(Speed.times(speed), Effect.provide(Screen.layer), Effect.raceFirst(readerLeft))
).pipe(Command.withDescription("Five tasks of 1 to 5 seconds: in turn, as a WaitGroup, as an errgroup, from a loop"))

/** Ends when nobody reads standard output any more, as with `| head`. */
const readerLeft = Effect.callback<void>((resume) => {
  const onError = () => resume(Effect.void)
  process.stdout.on("error", onError)
  return Effect.sync(() => process.stdout.off("error", onError))
})

demo.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
