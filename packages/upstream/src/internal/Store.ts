/** Where a memory keeps good answers: by key, for a time and within a bound. */

/** What is kept of a key. */
export interface Kept<V> {
  readonly value: V
  readonly freshUntil: number
  /** When it was put. */
  readonly at: number
}

/** Takes an `I`, and gives it back as a `V`. */
export interface Store<V, I = V> {
  readonly size: number
  /** What is known of the key. Its value is to be looked at before anything else is put. */
  readonly get: (key: string) => Kept<V> | undefined
  readonly put: (key: string, value: I, freshUntil: number, now: number) => void
  readonly delete: (key: string) => void
}
