/**
 * `pnpm new:upstream --name gifts --package room` and `pnpm new:entry --name ProductPage --package room --parts
 * live,statistics`: write what every new upstream or entry begins with, so that it passes all checks from its first minute.
 */
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"
import * as Commands from "./Commands.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))

Commands.make(root).pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
