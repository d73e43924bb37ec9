/**
 * Answers by key, kept as the text that they came as and where no collection looks: in buffers.
 *
 * Most answers are never asked for again. As values ten thousand of them are a hundred thousand objects, each of which is
 * copied while it is young and visited by every full collection once it is old; that was most of what the longest latencies
 * were made of. As BigCache does it for Go, an answer here is a few numbers in arrays and some bytes in a log: nothing to
 * visit. Who asks again has it read once more; from then on its value is kept too, the same for everybody.
 *
 * The log is written in order and let go of in order, slab by slab: what was put last longest ago goes first. Answers that
 * newer ones took the place of go as their turn comes; where they are more than those that are known, one that is known and
 * stands before them is written again behind them.
 */
import { Exit } from "effect"
import type { Reading } from "./Reading.ts"
import type { Kept, Store } from "./Store.ts"
import { Table } from "./Table.ts"

/** A stretch of the log. */
interface Slab {
  readonly bytes: Buffer
  used: number
  /** How many records in it have not been let go of. */
  records: number
}

const slabBytes = 262_144

/** How many answers that nobody finds any more may be more than those that are known. */
const slack = 64

/** How many are written again for one that is put, so that no put takes long. */
const atOnce = 4

/** More than anybody has the memory for. */
const mostKeys = 1_000_000

export interface Options<V> {
  /** The most keys: at most a million, none where it is 0. */
  readonly capacity: number
  readonly keepMillis: number
  /** Reads a text that was read before. */
  readonly read: (text: string) => V
  /** A number for a key. Two keys of one number are never kept both, which costs a fetch, nor taken for each other. */
  readonly hash: (key: string) => number
}

export class Archive<A, E> implements Store<Exit.Exit<A, E>, Exit.Success<Reading<A>, E>> {
  private readonly options: Options<Exit.Exit<A, E>>
  private readonly capacity: number
  /** The record of a key's number. */
  private readonly index = new Table<number, number>((hash) => hash)
  /** What was asked for again, by key. */
  private readonly warm = new Map<string, Kept<Exit.Exit<A, E>>>()

  // The records, a ring of them: the oldest is `first`, and so many follow.
  private readonly most: number
  private first = 0
  private count = 0
  private readonly hashes: Int32Array
  private readonly ats: Float64Array
  private readonly freshUntils: Float64Array
  private readonly starts: Int32Array
  private readonly middles: Int32Array
  private readonly ends: Int32Array
  private readonly slabs: Array<Slab | undefined>
  /** The keys of those that are warm. */
  private readonly keys: Array<string | undefined>

  /** What is written to, and one that has been let go of and waits to be. */
  private slab: Slab | undefined
  private spare: Slab | undefined

  constructor(options: Options<Exit.Exit<A, E>>) {
    this.options = options
    this.capacity = Math.floor(Math.min(mostKeys, Math.max(0, options.capacity)))
    this.most = 2 * this.capacity + slack
    this.hashes = new Int32Array(this.most)
    this.ats = new Float64Array(this.most)
    this.freshUntils = new Float64Array(this.most)
    this.starts = new Int32Array(this.most)
    this.middles = new Int32Array(this.most)
    this.ends = new Int32Array(this.most)
    this.slabs = Array.from({ length: this.most }, () => undefined)
    this.keys = Array.from({ length: this.most }, () => undefined)
  }

  get size(): number {
    return this.index.size
  }

  get(key: string): Kept<Exit.Exit<A, E>> | undefined {
    const known = this.warm.get(key)
    if (known !== undefined) return known
    const record = this.index.size === 0 ? undefined : this.index.get(this.options.hash(key))
    if (record === undefined || !this.isOf(record, key)) return undefined
    const { ats, freshUntils } = this
    const valueOf = () => this.warmed(record, key).value
    return {
      at: ats[record] ?? 0,
      freshUntil: freshUntils[record] ?? 0,
      // Read where it is wanted: what is fresh no longer seldom is.
      get value() {
        return valueOf()
      }
    }
  }

  put(key: string, { value: { value, text } }: Exit.Success<Reading<A>, E>, freshUntil: number, now: number): void {
    if (this.capacity === 0) return
    const hash = this.options.hash(key)
    this.forget(hash)
    this.makeRoom(now)
    const record = this.append(hash, now, freshUntil)
    // What is no text can be no other than it is: half of a surrogate pair would not come back.
    if (text?.isWellFormed() === true) this.write(record, key, text)
    else this.warmUp(record, key, Exit.succeed(value))
  }

  delete(key: string): void {
    const hash = this.options.hash(key)
    const record = this.index.get(hash)
    if (record !== undefined && this.isOf(record, key)) this.forget(hash)
  }

  /** Lets go of what is due, and of so much else that one more has room. */
  private makeRoom(now: number): void {
    let again = 0
    while (this.count > 0) {
      const isDue = now - (this.ats[this.first] ?? 0) > this.options.keepMillis || this.index.size >= this.capacity
      if (isDue || !this.isCurrent(this.first)) this.letGo()
      else if (this.count < this.most && (this.count <= 2 * this.index.size + slack || again++ >= atOnce)) break
      else this.writeAgain()
    }
  }

  private append(hash: number, at: number, freshUntil: number): number {
    const record = (this.first + this.count++) % this.most
    this.hashes[record] = hash
    this.ats[record] = at
    this.freshUntils[record] = freshUntil
    this.index.set(hash, record)
    return record
  }

  /** The oldest record becomes the latest, as it is. */
  private writeAgain(): void {
    const old = this.first
    const [hash = 0, at = 0, freshUntil = 0] = [this.hashes[old], this.ats[old], this.freshUntils[old]]
    const [start = 0, middle = 0, end = 0] = [this.starts[old], this.middles[old], this.ends[old]]
    const key = this.keys[old]
    const bytes = this.slabs[old]?.bytes
    const slab = bytes === undefined ? undefined : this.slabFor(end - start)
    const moved = (slab?.used ?? 0) - start
    if (slab !== undefined) {
      bytes?.copy(slab.bytes, slab.used, start, end)
      slab.used += end - start
      slab.records++
    }
    // Not found meanwhile, so that what is warm of it stays.
    this.index.delete(hash)
    this.letGo()
    this.keys[old] = undefined
    const record = this.append(hash, at, freshUntil)
    this.keys[record] = key
    this.slabs[record] = slab
    this.starts[record] = start + moved
    this.middles[record] = middle + moved
    this.ends[record] = end + moved
  }

  private warmed(record: number, key: string): Kept<Exit.Exit<A, E>> {
    const text = this.slabs[record]?.bytes.toString("utf8", this.middles[record], this.ends[record]) ?? ""
    return this.warmUp(record, key, this.options.read(text))
  }

  private warmUp(record: number, key: string, value: Exit.Exit<A, E>): Kept<Exit.Exit<A, E>> {
    const warm = { value, at: this.ats[record] ?? 0, freshUntil: this.freshUntils[record] ?? 0 }
    this.warm.set(key, warm)
    this.keys[record] = key
    return warm
  }

  private isOf(record: number, key: string): boolean {
    const known = this.keys[record]
    if (known !== undefined) return known === key
    return this.slabs[record]?.bytes.toString("utf8", this.starts[record], this.middles[record]) === key
  }

  private isCurrent(record: number): boolean {
    return this.index.get(this.hashes[record] ?? 0) === record
  }

  /** Nobody finds the record of the number any more; it goes as its turn comes. */
  private forget(hash: number): void {
    const record = this.index.get(hash)
    if (record === undefined) return
    this.index.delete(hash)
    const key = this.keys[record]
    if (key === undefined) return
    this.warm.delete(key)
    this.keys[record] = undefined
  }

  /** Lets go of the oldest record. */
  private letGo(): void {
    const record = this.first
    if (this.isCurrent(record)) this.forget(this.hashes[record] ?? 0)
    const slab = this.slabs[record]
    this.slabs[record] = undefined
    this.first = (record + 1) % this.most
    this.count--
    if (slab === undefined || --slab.records > 0) return
    slab.used = 0
    if (slab !== this.slab && slab.bytes.length === slabBytes) this.spare = slab
  }

  private write(record: number, key: string, text: string): void {
    const keyBytes = Buffer.byteLength(key)
    const bytes = keyBytes + Buffer.byteLength(text)
    const slab = this.slabFor(bytes)
    const start = slab.used
    slab.bytes.write(key, start)
    slab.bytes.write(text, start + keyBytes)
    slab.used += bytes
    slab.records++
    this.slabs[record] = slab
    this.starts[record] = start
    this.middles[record] = start + keyBytes
    this.ends[record] = start + bytes
  }

  private slabFor(bytes: number): Slab {
    if (this.slab !== undefined && this.slab.used + bytes <= this.slab.bytes.length) return this.slab
    const spare = bytes <= slabBytes ? this.spare : undefined
    if (spare !== undefined) this.spare = undefined
    this.slab = spare ?? { bytes: Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes)), used: 0, records: 0 }
    return this.slab
  }
}
