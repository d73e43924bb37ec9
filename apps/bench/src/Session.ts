/** What every measurement begins with: a folder to write in, the peers built, and word of what cannot be measured here. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { BenchError } from "./BenchError.ts"
import { pinHarness } from "./Machine.ts"
import { isAsked, only } from "./Options.ts"
import { peers } from "./Peers.ts"
import type { PeerName } from "./Peers.ts"
import { tools } from "./Tools.ts"

export const say = (text: string) => Effect.sync(() => console.log(text))

const scratchFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "portico-bench-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
)

const isPeer = (name: string): name is PeerName => Object.hasOwn(peers, name)

/** Builds the peers that are wanted; those that are absent or do not build are left out, and said so. */
export const begin = Effect.fnUntraced(function* (wanted: ReadonlyArray<PeerName>) {
  const absent = (["nginx", "wrk"] as const).filter((tool) => tools[tool] === undefined)
  if (absent.length > 0) {
    return yield* new BenchError({ message: `${absent.join(" and ")} not found: nothing can be measured without` })
  }
  pinHarness()
  const scratch = yield* scratchFolder
  const present = new Set<PeerName>()
  for (const name of Object.keys(peers).filter(isPeer)) {
    if (!wanted.includes(name)) continue
    const absence = peers[name].absent()
    const why = yield* absence === undefined
      ? Effect.match(peers[name].build(scratch), {
          onSuccess: () => undefined,
          onFailure: ({ message }) => `could not be built: ${message}`
        })
      : Effect.succeed(absence)
    if (why === undefined) present.add(name)
    else yield* say(`left out: ${name}: ${why}`)
  }
  /** Whether a peer can be measured and was asked for. */
  const takesPart = (name: PeerName) => present.has(name) && isAsked(only.peers, name)
  return { scratch, present, takesPart }
})
