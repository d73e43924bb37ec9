/**
 * Where the demo shows what happens: lines of text, and a fan-out's timeline while it runs.
 *
 * {@link layer} chooses: on a terminal the waterfall is drawn live below the lines; anywhere else there are only lines.
 */
import * as Timeline from "@portico/fanout/Timeline"
import { Clock, Context, Effect, Layer, Semaphore, Terminal } from "effect"
import { TerminalCapabilities } from "effect/cli"
import * as Text from "./Text.ts"
import * as Waterfall from "./Waterfall.ts"

/** The waterfall's rows and scale. */
export interface Chart {
  readonly tasks: ReadonlyArray<string>
  readonly scaleMillis: number
}

export class Screen extends Context.Service<
  Screen,
  {
    readonly layout: Effect.Effect<Text.Layout>
    /** A paragraph, above the waterfall if there is one. */
    readonly print: (text: string, style?: Text.Style) => Effect.Effect<void>
    /** Begins a timeline, and shows it while `run` runs, and how it ended. */
    readonly watch: <A, E, R>(
      chart: Chart,
      run: (timeline: Timeline.Timeline) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R>
  }
>()("@portico/app-demo/Screen") {}

/** Lines only, of any length and without colours: for files, pipes and logs. */
export const layerPlain = Layer.effect(
  Screen,
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    const print = (text: string) => show(terminal, `${text}\n`)
    return Screen.of({
      layout: Effect.succeed({ columns: Infinity, color: false }),
      print,
      watch: (chart, run) =>
        Effect.flatMap(Timeline.make, (timeline) =>
          Effect.ensuring(
            run(timeline),
            Effect.flatMap(view(chart, timeline), (ended) => print(Waterfall.report(ended).join("\n")))
          )
        )
    })
  })
)

/** Draws the waterfall at the bottom of the terminal, again and again over the last frame. */
export const layerLive = Layer.effect(
  Screen,
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    // The eye's clock, whatever clock the tasks run by.
    const clock = yield* Clock.Clock
    const untilNextFrame = Effect.provideService(Effect.sleep("50 millis"), Clock.Clock, clock)
    // Whoever draws has to know what is on the screen: one at a time.
    const turn = yield* Semaphore.make(1)
    let chart: Chart | undefined
    let timeline: Timeline.Timeline | undefined
    let drawn: ReadonlyArray<string> = []

    const layout = Effect.map(terminal.columns, (columns) => ({ columns: columns > 0 ? columns : 80, color: canColor }))

    /** Writes the frame as it is now, below whatever else there is to write. */
    const draw = (above: (layout: Text.Layout) => ReadonlyArray<string> = nothing, last = false) =>
      Effect.gen(function* () {
        const current = yield* layout
        const rows = yield* terminal.rows
        const frame = chart === undefined ? [] : Waterfall.frame(yield* view(chart, timeline), current)
        const back = rowsOf(drawn, current.columns)
        // A frame higher than the terminal could not be drawn over: it is shown when it stays.
        drawn = last || rows === 0 || rows > frame.length + 1 ? frame : []
        const lines = [...above(current), ...drawn].map((line) => `${line}\u001b[K\n`)
        yield* show(terminal, `${back > 0 ? `\r\u001b[${back}A` : ""}${lines.join("")}\u001b[J`)
      }).pipe(turn.withPermits(1))

    const begin = (next: Chart) =>
      Effect.andThen(
        show(terminal, "\u001b[?25l"),
        Effect.suspend(() => {
          chart = next
          return draw()
        })
      )

    const animation = Effect.forever(Effect.andThen(untilNextFrame, draw()))

    const end = Effect.andThen(
      Effect.ensuring(draw(nothing, true), show(terminal, "\u001b[?25h")),
      Effect.sync(() => {
        chart = undefined
        timeline = undefined
        drawn = []
      })
    )

    return Screen.of({
      layout,
      print: (text, style) =>
        draw((layout) =>
          Text.wrap(text, layout.columns - 1)
            .split("\n")
            .map((line) => (style === undefined ? line : Text.paint(layout, style, line)))
        ),
      watch: (chart, run) =>
        Effect.acquireUseRelease(
          begin(chart),
          () =>
            Effect.scoped(
              Effect.gen(function* () {
                yield* Effect.forkScoped(animation)
                timeline = yield* Timeline.make
                return yield* run(timeline)
              })
            ),
          () => end
        )
    })
  })
)

/** What standard output can show. */
export const layer = Layer.unwrap(
  Effect.map(TerminalCapabilities.TerminalCapabilities, ({ canAnimate }) => (canAnimate ? layerLive : layerPlain))
)

const nothing = (): ReadonlyArray<string> => []

// Output that nobody reads any more is no failure of the task that wrote it; main ends the program.
const show = (terminal: Terminal.Terminal, text: string) => Effect.ignore(terminal.display(text))

/** What there is to see now; before the timeline begins, the rows alone. */
const view = (chart: Chart, timeline: Timeline.Timeline | undefined): Effect.Effect<Waterfall.View> =>
  Effect.withFiber((fiber) =>
    Effect.succeed({
      ...chart,
      marks: timeline?.marks ?? [],
      nowMillis: timeline === undefined ? 0 : Timeline.elapsed(timeline, fiber.getRef(Clock.Clock))
    })
  )

/** How many rows the lines take, if the terminal has become narrower since. */
const rowsOf = (lines: ReadonlyArray<string>, columns: number) =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(Text.width(line) / columns)), 0)
