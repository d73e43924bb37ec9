/**
 * A line in front of the work, and a count of what was let in from it: the decisions of `LoadShed`, without Effect.
 *
 * When the event loop comes round some of those in front are let in. What arrives while others wait is put behind them, or
 * refused where the pace of the last moments says that its turn would come too late.
 */
import * as Instant from "@portico/call/Instant"
import * as Pace from "./Pace.ts"
import * as Standing from "./Standing.ts"

/** One that comes. Of `enter` and `refuse` one is called, once, unless it leaves before: at once or when its turn is. */
export interface Caller {
  /** For how many milliseconds from now the answer is of use; `Infinity` if it always is. Asked only where it has to wait. */
  readonly usefulFor: () => number
  /** Begins the work, after so many milliseconds in line. */
  readonly enter: (waitedMillis: number) => void
  /** Says so to whoever asked: there is no time for it. */
  readonly refuse: () => void
}

/** A caller's place, in line or inside. */
export interface Place {
  state: "waiting" | "inside" | "gone"
  /** Let go of when it is gone, since its place in line may outlast it. */
  caller: Caller | undefined
  /** When it came, as an `Instant`: part of this object, where a fraction would be one of its own. */
  readonly since: number
  /** In whole milliseconds. */
  readonly usefulFor: number
}

export interface Options {
  /** The most in line and inside together. */
  readonly most: number
  /** How many are let in between two turns of the loop. */
  readonly perTurn: number
  /** The part of its time that a caller may have to wait for its turn, by what is known when it comes. */
  readonly worthwhile: number
  /** No more milliseconds than these where the line stands. */
  readonly standingMillis: number
  /** Who has waited for this part of its time is refused after all. */
  readonly tooLate: number
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  readonly afterTurn: (callback: () => void) => void
  /** Whether what was ready waits to be gone on with: the line waits for it as well. */
  readonly isBehind: () => boolean
  /** Told whether the line stands, and with it turns are to be short, when that changes. */
  readonly shorten: (isStanding: boolean) => void
  /** Told of whoever stood in line and came to its end: for how many milliseconds. */
  readonly waited: (millis: number) => void
}

export class Line {
  inside = 0
  waiting = 0
  refused = 0
  private readonly options: Options
  private readonly pace = Pace.make()
  private readonly standing = Standing.make()
  /** Undefined before {@link first}, so that who has come to its turn does not stay until the array is cut. */
  private places: Array<Place | undefined> = []
  private first = 0
  /** How many more may enter before the loop comes round. */
  private room: number
  /** There is a turn to come round to. */
  private turning = false
  /** When the turn began that is not over yet, and how many have been let in since. It lasts while the loop is behind. */
  private turnBegan = 0
  private begunThisTurn = 0

  constructor(options: Options) {
    this.options = options
    this.room = options.perTurn
  }

  /** How many may be here, in line and inside, of those whose answer is of use for so many milliseconds. */
  limit(usefulFor: number): number {
    const { most } = this.options
    if (most === Infinity) return most
    return Math.min(most, this.inside + Math.floor(this.worthwhile(usefulFor) / Pace.each(this.pace)))
  }

  /** Lets `caller` in, puts it in line, or refuses it. */
  arrive(caller: Caller): Place {
    const { most, now } = this.options
    const isFree = this.waiting === 0 && this.room > 0
    const usefulFor = isFree ? 0 : caller.usefulFor()
    const comesTooLate = !isFree && (this.waiting + 1) * Pace.each(this.pace) > this.worthwhile(usefulFor)
    const isRefused = comesTooLate || this.inside + this.waiting >= most
    const since = isFree || isRefused ? 0 : Instant.ofMillis(now())
    const place: Place = { state: "waiting", caller, since, usefulFor: Math.min(usefulFor, longest) | 0 }
    if (isRefused) this.refuse(place)
    else if (isFree) this.enter(place, 0)
    else {
      this.places.push(place)
      this.waiting++
      this.turn()
    }
    return place
  }

  /** Gives the place up: what was let in has ended, or who waited has left. A second time: nothing. */
  leave(place: Place): void {
    if (place.state === "inside") this.inside--
    if (place.state === "waiting") this.waiting--
    place.state = "gone"
    place.caller = undefined
  }

  /** Nobody comes to its turn any more: who stands in line is refused. */
  close(): void {
    if (this.standing.isStanding) this.options.shorten(false)
    for (const place of this.places.splice(0)) {
      if (place?.state !== "waiting") continue
      this.waiting--
      this.refuse(place)
    }
  }

  /** How many milliseconds may be waited for what is of use for so many. */
  private worthwhile(usefulFor: number): number {
    const most = this.options.worthwhile * usefulFor
    // Who has any amount of time does not care how long the line is.
    return this.standing.isStanding && most < Infinity ? Math.min(most, this.options.standingMillis) : most
  }

  private enter(place: Place, waitedMillis: number): void {
    place.state = "inside"
    this.inside++
    this.room--
    this.turn()
    this.begunThisTurn++
    this.standing.begun++
    place.caller?.enter(waitedMillis)
  }

  private refuse(place: Place): void {
    const { caller } = place
    place.state = "gone"
    place.caller = undefined
    this.refused++
    this.standing.refused++
    caller?.refuse()
  }

  private turn(): void {
    if (this.turning || this.options.perTurn === Infinity) return
    this.turning = true
    this.turnBegan = this.options.now()
    // Here, so that a burst after a quiet time is not taken for what was before.
    const { isStanding } = this.standing
    Standing.look(this.standing, this.turnBegan)
    if (this.standing.isStanding !== isStanding) this.options.shorten(!isStanding)
    this.options.afterTurn(this.onTurn)
  }

  private readonly onTurn = (): void => {
    if (this.options.isBehind()) this.options.afterTurn(this.onTurn)
    else this.comeRound()
  }

  private comeRound(): void {
    const now = this.options.now()
    // Somebody waits: what has begun is all that could.
    if (this.waiting > 0) Pace.note(this.pace, now - this.turnBegan, this.begunThisTurn)
    this.begunThisTurn = 0
    this.turning = false
    this.room = this.options.perTurn
    this.letIn(now)
    if (this.waiting > 0) this.turn()
    if (this.waiting === 0 || this.first > 1_024) this.compact()
  }

  private letIn(now: number): void {
    const { tooLate, waited } = this.options
    while (this.waiting > 0 && this.room > 0) {
      const place = this.places[this.first]
      this.places[this.first++] = undefined
      if (place?.state !== "waiting") continue
      // Who came since the turn's end was looked at has not waited: not less than nothing.
      const millis = Math.max(0, (Instant.ofMillis(now) - place.since) | 0) / 1e3
      this.waiting--
      waited(millis)
      if (millis > tooLate * place.usefulFor) this.refuse(place)
      else {
        this.standing.waited++
        this.enter(place, millis)
      }
    }
  }

  private compact(): void {
    this.places = this.waiting === 0 ? [] : this.places.slice(this.first)
    this.first = 0
  }
}

/** Whose answer is always of use has a month. */
const longest = 2 ** 31 - 1
