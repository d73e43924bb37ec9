/**
 * A line in front of the work, and a count of what was let in from it: the decisions of `LoadShed`, without Effect.
 *
 * When the event loop comes round some of those in front are let in. What arrives while others wait is put behind them, or
 * refused where the pace of the last moments says that its turn would come too late.
 */
import * as Pace from "./Pace.ts"
import * as Standing from "./Standing.ts"

/** One that comes. Of `enter` and `refuse` one is called, once, unless it leaves before: at once or when its turn is. */
export interface Caller {
  /** For how many milliseconds from now the answer is of use; `Infinity` if it always is. Asked only where it has to wait. */
  readonly usefulFor: () => number
  /** Begins the work, after so many milliseconds in line. */
  readonly enter: (waitedMillis: number) => void
  /** Says so to whoever asked: there is no time for it, nor, `inFlood`, for hearing more before the loop has come round. */
  readonly refuse: (inFlood: boolean) => void
}

/** A caller's place, in line or inside. */
export interface Place {
  state: "waiting" | "inside" | "gone"
  /** Let go of when it is gone, since its place in line may outlast it. */
  caller: Caller | undefined
  readonly since: number
  readonly usefulFor: number
}

export interface Options {
  /** The most in line and inside together. */
  readonly most: number
  /** How many are let in between two turns of the loop while nobody is refused. */
  readonly perTurn: number
  /** The same where the line stands: there has been too much for a while. */
  readonly perTurnStanding: number
  /** The part of its time that a caller may have to wait for its turn, by what is known when it comes. */
  readonly worthwhile: number
  /** No more milliseconds than these where the line stands. */
  readonly standingMillis: number
  /** Who has waited for this part of its time is refused after all. */
  readonly tooLate: number
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  readonly afterTurn: (callback: () => void) => void
  /**
   * Whether what was ready waits to be gone on with: the line waits for it as well, unless refusals keep the loop from coming
   * round.
   */
  readonly isBehind: () => boolean
  /** Told whether the line stands, and with it turns are to be short, when that changes. */
  readonly shorten: (isStanding: boolean) => void
  /** Told of whoever stood in line and came to its end: for how many milliseconds. */
  readonly waited: (millis: number) => void
}

/**
 * How many are let in beside so many refusals of one turn. One, so that those refused wait for little else; but where a
 * thousand ask again the moment they are refused, turns are long by refusals alone, and one a turn would be next to none: an
 * entry for every six. Measured: with one for four three times the load could end in turns of 100 ms, made of both; with
 * one for sixteen a thousand who were refused once were refused for good.
 */
const roomBeside = (refused: number): number => Math.ceil(refused / 6)

/** No more than so many are due at a time. */
const mostBeside = 256

/**
 * When refusals have made a turn so long, in milliseconds, it is taken as over. The loop of libuv does not come round while a
 * thousand sockets have something to read: of three thousand clients that ask again the moment they are refused there always
 * are as many, and its turn was 0.8 s of refusals.
 */
const longest = 20

/**
 * So often in one turn of the loop, and it is a flood: whoever is refused in it is not heard again before the next. Of sockets
 * that are always ready libuv reads some fifty thousand requests before it comes round to a timer, or to a connection that
 * was begun meanwhile. Four thousand clients who ask again the moment they are refused: 100 entries a second without it, whose
 * calls took 1.4 s on the way to upstreams of 50 ms.
 */
const flood = 2

/** The clock is looked at once so many were refused in a turn: a usual one has fewer. */
const many = 64

export class Line {
  inside = 0
  waiting = 0
  refused = 0
  private readonly options: Options
  private readonly pace = Pace.make()
  private readonly standing = Standing.make()
  private places: Array<Place> = []
  private first = 0
  /** How many more may enter before the loop comes round. */
  private room: number
  private refusedThisTurn = 0
  /** How many more were to enter beside those who were refused. */
  private due = 0
  private turning = false
  private isScheduled = false
  /** When the turn began that is not over yet, and how many have been let in since. It lasts while the loop is behind. */
  private turnBegan = 0
  private begunThisTurn = 0
  /** Since when the loop has not come round, and how often a turn was taken as over since. */
  private loopBegan = 0
  private overs = 0

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
    if (this.refusedThisTurn >= many && now() - this.loopBegan > longest) {
      this.overs++
      this.comeRound(this.mostAtOnce())
    }
    const isFree = this.waiting === 0 && this.room > 0
    const usefulFor = isFree ? Infinity : caller.usefulFor()
    const comesTooLate = !isFree && (this.waiting + 1) * Pace.each(this.pace) > this.worthwhile(usefulFor)
    const isRefused = comesTooLate || this.inside + this.waiting >= most
    const since = isFree || isRefused ? 0 : now()
    const place: Place = { state: "waiting", caller, since, usefulFor }
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
      if (place.state !== "waiting") continue
      this.waiting--
      this.refuse(place)
    }
  }

  private perTurn(): number {
    return this.standing.isStanding ? this.options.perTurnStanding : this.options.perTurn
  }

  /** How many may enter at once: where the line stands a few, since it goes on and every turn is waited for. */
  private mostAtOnce(): number {
    return this.standing.isStanding ? this.options.perTurn : mostBeside
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
    this.refusedThisTurn++
    this.standing.refused++
    // There is one to come round to, so that what is counted ends with the turn.
    this.turn()
    caller?.refuse(this.overs >= flood)
  }

  private turn(): void {
    if (this.turning || this.options.perTurn === Infinity) return
    this.turning = true
    this.turnBegan = this.options.now()
    this.loopBegan = this.turnBegan
    // Here, so that a burst after a quiet time is not taken for what was before.
    const { isStanding } = this.standing
    Standing.look(this.standing, this.turnBegan)
    if (this.standing.isStanding !== isStanding) this.options.shorten(!isStanding)
    this.schedule()
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    this.options.afterTurn(this.onTurn)
  }

  private readonly onTurn = (): void => {
    this.isScheduled = false
    this.overs = 0
    if (!this.turning) return
    if (!this.options.isBehind()) return this.comeRound(this.mostAtOnce())
    this.loopBegan = this.options.now()
    this.schedule()
  }

  /** No more than `most` enter at once; who else is due enters in the turns to come, so that no long turn follows another. */
  private comeRound(most: number): void {
    const now = this.options.now()
    // Somebody waits: what has begun is all that could.
    if (this.waiting > 0) Pace.note(this.pace, now - this.turnBegan, this.begunThisTurn)
    this.begunThisTurn = 0
    this.turning = false
    const room = this.refusedThisTurn === 0 ? this.perTurn() : roomBeside(this.refusedThisTurn)
    const due = Math.min(mostBeside, this.due + room)
    this.refusedThisTurn = 0
    this.room = Math.min(due, most)
    const later = due - this.room
    this.letIn(now)
    this.due = this.waiting === 0 ? 0 : later
    // What room there was beside refusals was for those who waited.
    this.room = Math.min(this.room, this.perTurn())
    if (this.waiting > 0) this.turn()
    if (this.waiting === 0 || this.first > 1_024) this.compact()
  }

  private letIn(now: number): void {
    const { tooLate, waited } = this.options
    while (this.waiting > 0 && this.room > 0) {
      const place = this.places[this.first++]
      if (place === undefined) break
      if (place.state !== "waiting") continue
      const millis = now - place.since
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
