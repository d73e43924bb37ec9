/**
 * A map for what comes and goes in thousands a second.
 *
 * V8's `Map` and `Set` copy themselves to a new table whenever the old one is full of what was deleted, and the old one refers
 * to the new. Once such a table is old and dead, all that follow it, with everything that was ever in them, live until the
 * next full collection. In unique rooms that was four fifths of what the young collections had to copy: a collection took 2.5
 * ms instead of 0.8, most of what it kept was made old, and full collections marked it beside the service (p99 of 33 ms
 * instead of 14 to 18, and 28 MiB).
 *
 * Open addressing with linear probing in arrays that stay, and deletion that moves what follows into the gap (Knuth, The Art of
 * Computer Programming, 6.4, Algorithm R): nothing of what has left is left. It does not shrink. Use it where most of what
 * comes has gone a moment later; elsewhere a `Map` does.
 */

const atFirst = 64

const none = (length: number): Array<undefined> => Array.from({ length }, () => undefined)

export class Table<K extends string | number, V> {
  size = 0
  private readonly hash: (key: K) => number
  private mask = atFirst - 1
  private hashes = new Int32Array(atFirst)
  private keys: Array<K | undefined> = none(atFirst)
  private all: Array<V | undefined> = none(atFirst)

  /** `hash` gives a 32-bit integer, whose low bits are as good as its high ones. */
  constructor(hash: (key: K) => number) {
    this.hash = hash
  }

  get(key: K): V | undefined {
    return this.all[this.find(key, this.hash(key))]
  }

  set(key: K, value: V): void {
    const hash = this.hash(key)
    let place = this.find(key, hash)
    if (this.keys[place] === undefined) {
      // Half full at most, so that a search ends after a step or two.
      if (++this.size * 2 > this.mask) {
        this.grow()
        place = this.find(key, hash)
      }
    }
    this.put(place, key, hash, value)
  }

  delete(key: K): void {
    let gap = this.find(key, this.hash(key))
    const { all, hashes, keys, mask } = this
    if (keys[gap] === undefined) return
    this.size--
    for (let place = (gap + 1) & mask; keys[place] !== undefined; place = (place + 1) & mask) {
      // What a search would begin for behind the gap is found where it is.
      const fromHome = (place - (hashes[place] ?? 0)) & mask
      if (fromHome < ((place - gap) & mask)) continue
      hashes[gap] = hashes[place] ?? 0
      keys[gap] = keys[place]
      all[gap] = all[place]
      gap = place
    }
    keys[gap] = undefined
    all[gap] = undefined
  }

  clear(): void {
    this.size = 0
    this.keys.fill(undefined)
    this.all.fill(undefined)
  }

  values(): Array<V> {
    return this.all.filter((value) => value !== undefined)
  }

  /** Where the key is, or would be. */
  private find(key: K, hash: number): number {
    const { hashes, keys, mask } = this
    let place = hash & mask
    for (let known = keys[place]; known !== undefined; known = keys[place]) {
      if (hashes[place] === hash && known === key) break
      place = (place + 1) & mask
    }
    return place
  }

  private put(place: number, key: K, hash: number, value: V): void {
    this.hashes[place] = hash
    this.keys[place] = key
    this.all[place] = value
  }

  private grow(): void {
    const { all, hashes, keys } = this
    const length = 2 * keys.length
    this.mask = length - 1
    this.hashes = new Int32Array(length)
    this.keys = none(length)
    this.all = none(length)
    keys.forEach((key, place) => {
      const [hash = 0, value] = [hashes[place], all[place]]
      if (key !== undefined && value !== undefined) this.put(this.find(key, hash), key, hash, value)
    })
  }
}

/** FNV-1a of a key's code units, from a seed that nobody outside knows. */
export const hashOf =
  (seed: number) =>
  (key: string): number => {
    let hash = seed | 0
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16_777_619)
    return hash
  }
