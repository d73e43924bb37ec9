/**
 * Whether a line is a burst that is being worked off, or stands because more come than can be served.
 *
 * In a burst a long line is worth its wait: everybody in it is served who would else have been refused. Where it goes on, as
 * many are served from a short one, and all of them sooner: CoDel's good queue and bad queue (Nichols and Jacobson, 2012),
 * told apart as there by how long it lasts. Not by the wait, but by the refusals: a thousand clients who ask again as they
 * are answered stand in line for good, and all are served. And where very many more are refused than begin it is clients who
 * ask again the moment they are refused: they ask least while they stand in line.
 */

/** Milliseconds of a look, and so many looks make up an opinion: a second. */
const window = 250
const looks = 4

/** Where fewer are refused, for each that begins, there is no need. */
const few = 0.05

/**
 * Where more are, it is the same clients again and again: of viewers who come once that is twenty times what can be served,
 * and to refuse so many takes longer than to serve. With four, five times as many as could be served met the long line.
 */
const most = 20

/** This part of those that begin has waited, where the line never ends. */
const nearlyAll = 0.9

export interface Standing {
  /** Counted since {@link since}. */
  begun: number
  waited: number
  refused: number
  since: number
  /** How many of the latest windows had too much, less those that had not or that nobody came in: from 0 to {@link looks}. */
  score: number
  isStanding: boolean
}

export const make = (): Standing => ({ begun: 0, waited: 0, refused: 0, since: 0, score: 0, isStanding: false })

/** Once in a while an opinion on what was counted. */
export const look = (standing: Standing, now: number): void => {
  const elapsed = now - standing.since
  if (elapsed < window) return
  const { begun, waited, refused } = standing
  const isTooMuch = waited >= nearlyAll * begun && refused >= Math.max(1, few * begun) && refused <= most * begun
  // Windows in which nobody came had too much of nothing, and what was counted was before them.
  const quiet = Math.floor(elapsed / window) - 1
  standing.score = Math.max(0, Math.min(looks, standing.score + (isTooMuch ? 1 : -1)) - quiet)
  if (standing.score === looks) standing.isStanding = true
  if (standing.score === 0) standing.isStanding = false
  standing.begun = 0
  standing.waited = 0
  standing.refused = 0
  standing.since = now
}
