/**
 * The bench: `pnpm bench` measures every peer on every workload, `pnpm bench growth` how cost grows, `pnpm bench report`
 * only writes the page and the plots again from what is kept, and `pnpm bench --short` is CI's form.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { BenchError } from "./BenchError.ts"
import { comparing } from "./Comparing.ts"
import { growing } from "./Growing.ts"
import * as Options from "./Options.ts"
import * as Report from "./Report.ts"

const commands = new Map([
  ["compare", comparing],
  ["growth", growing],
  ["report", Effect.promise(() => Report.write(Options.out))]
])

const command =
  commands.get(Options.command) ??
  new BenchError({ message: `no command ${Options.command}: there are ${[...commands.keys()].join(", ")}` })

NodeRuntime.runMain(
  Effect.scoped(command).pipe(
    Effect.catchTag("BenchError", (error) =>
      Effect.sync(() => {
        console.error(`bench: ${error.message}`)
        process.exitCode = 1
      })
    )
  )
)
