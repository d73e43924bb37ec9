/**
 * Those that are here, in no order; whoever comes gets a place, by which it leaves.
 *
 * An array, whose last fills the gap that one leaves: a Map or Set in which a thousand come and go keeps them alive in the
 * tables that it has outgrown, and p99 twice as long (what a scope has for its finalizers, too).
 */
export interface Place<A> {
  at: number
  readonly value: A
}

export class Bag<A> {
  private readonly places: Array<Place<A>> = []

  add(value: A): Place<A> {
    const place = { at: this.places.length, value }
    this.places.push(place)
    return place
  }

  /** Of a place that `add` gave, once. */
  remove(place: Place<A>): void {
    const last = this.places.pop()
    if (last === undefined || last === place) return
    this.places[place.at] = last
    last.at = place.at
  }

  /** All that are here now. */
  values(): Array<A> {
    return this.places.map(({ value }) => value)
  }
}
