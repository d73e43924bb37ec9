/**
 * Values by key, for a time and within a bound: what was put last longest ago goes first, and what is past its time goes as
 * others come.
 *
 * Beside the map stands a queue of what was put, in order: a Map alone keeps an order too, but finding its first entry means
 * stepping over all that were deleted before it.
 */
import type { Kept, Store } from "./Store.ts"

interface Put<V> extends Kept<V> {
  readonly key: string
}

export class Shelf<V> implements Store<V> {
  private readonly capacity: number
  private readonly keepMillis: number
  private readonly known = new Map<string, Put<V>>()
  private queue: Array<Put<V> | undefined> = []
  private first = 0

  constructor(capacity: number, keepMillis: number) {
    this.capacity = capacity
    this.keepMillis = keepMillis
  }

  get size(): number {
    return this.known.size
  }

  get(key: string): Kept<V> | undefined {
    return this.known.size === 0 ? undefined : this.known.get(key)
  }

  put(key: string, value: V, freshUntil: number, now: number): void {
    const put = { key, value, freshUntil, at: now }
    this.known.set(key, put)
    this.queue.push(put)
    for (let oldest = this.queue[this.first]; oldest !== undefined; oldest = this.queue[this.first]) {
      const current = this.known.get(oldest.key) === oldest
      const due = this.known.size > this.capacity || now - oldest.at > this.keepMillis
      if (current && !due) break
      if (current) this.known.delete(oldest.key)
      // Let go of at once: until the queue is made shorter, it would be kept as long as twice as many that are known.
      this.queue[this.first++] = undefined
    }
    if (this.queue.length > 2 * this.known.size + 1024) {
      // One that stays long may stand before many that newer ones took the place of.
      this.queue = this.queue.filter((put) => put !== undefined && this.known.get(put.key) === put)
      this.first = 0
    }
  }

  delete(key: string): void {
    if (this.known.size > 0) this.known.delete(key)
  }
}
