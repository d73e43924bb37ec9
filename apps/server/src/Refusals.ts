/**
 * Those who are refused, until they have been told so: some in each turn of the event loop.
 *
 * Told as they are read, clients who ask again at once would keep the loop from coming round: of sockets that are always ready
 * libuv reads some fifty thousand requests before it looks at a timer, or at a connection that was begun meanwhile. And one
 * after the other they cost less, since the processor's caches hold what is needed (apps/bench/NOTES.md).
 */

/** So many are told in a turn, the last at its end. */
const perTurn = 64

/** So many are told before the end: after a pause of the collector it is some hundred sockets away. */
const together = 16

/** No more wait to be told, however many come: a connection may ask for thousands at once (pipelining). */
const most = 8_192

export class Refusals<A> {
  /** In the order in which they came. */
  private readonly untold: Array<A> = []
  private toldThisTurn = 0
  /** The end of a turn is awaited. */
  private isAwaited = false
  private readonly tell: (refused: A) => void
  private readonly afterTurn: (callback: () => void) => void

  /** `afterTurn` calls back at the end of the turn, before anybody begins. */
  constructor(tell: (refused: A) => void, afterTurn: (callback: () => void) => void) {
    this.tell = tell
    this.afterTurn = afterTurn
  }

  /** It is told by the end of this turn, or of one to come. */
  add(refused: A): void {
    this.untold.push(refused)
    const mayWait = this.toldThisTurn >= perTurn && this.untold.length < most
    if (this.untold.length >= together && !mayWait) this.tellSome(together)
    this.awaitEnd()
  }

  private tellSome(most: number): void {
    this.toldThisTurn += most
    for (const refused of this.untold.splice(0, most)) this.tell(refused)
  }

  private awaitEnd(): void {
    if (this.isAwaited) return
    this.isAwaited = true
    this.afterTurn(this.onEnd)
  }

  private readonly onEnd = (): void => {
    this.tellSome(perTurn - this.toldThisTurn)
    this.toldThisTurn = 0
    this.isAwaited = false
    if (this.untold.length > 0) this.awaitEnd()
  }
}
