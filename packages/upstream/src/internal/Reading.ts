/** What was read of an answer: the value, and the text that it was, for whoever keeps it. */
import { Effect, Exit } from "effect"
import type { Ask, Asker } from "./Ask.ts"

export interface Reading<A> {
  readonly value: A
  /** What can be read again as the value; undefined where it came of no text, or nobody keeps it. */
  readonly text: string | undefined
}

/** What an Effect brings that reads no text. What is known already stays so: nobody needs a fiber to find out. */
export const of = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Reading<A>, E> =>
  Effect.mapEager(effect, (value) => ({ value, text: undefined }))

/** Asks for the value alone. */
export const values =
  <Q, A, E>(ask: Ask<Q, Reading<A>, E>): Ask<Q, A, E> =>
  (call, asker) =>
    ask(call, new OfValue(asker))

class OfValue<A, E> implements Asker<Reading<A>, E> {
  private readonly asker: Asker<A, E>

  constructor(asker: Asker<A, E>) {
    this.asker = asker
  }

  tell(exit: Exit.Exit<Reading<A>, E>): void {
    this.asker.tell(valueIn(exit))
  }
}

/** The value alone of what was read. */
export const valueIn = <A, E>(exit: Exit.Exit<Reading<A>, E>): Exit.Exit<A, E> => Exit.map(exit, valueOf)

const valueOf = <A>({ value }: Reading<A>): A => value
