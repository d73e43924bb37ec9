/**
 * Text as a terminal sees it: measured in columns, of which a Chinese character takes two, and coloured or not.
 */
import { styleText } from "node:util"
import stringWidth from "string-width"
import wrapAnsi from "wrap-ansi"

/** What text has to fit into. */
export interface Layout {
  /** Infinite where nobody minds long lines. */
  readonly columns: number
  readonly color: boolean
}

export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan"

export const paint = (layout: Layout, style: Style, text: string): string =>
  layout.color && text !== "" ? styleText(style, text, { validateStream: false }) : text

export const width: (text: string) => number = stringWidth

/** Fills up with blanks on the right. */
export const pad = (text: string, columns: number): string => text + " ".repeat(Math.max(0, columns - width(text)))

/** Fills up with blanks on the left. */
export const padStart = (text: string, columns: number): string => " ".repeat(Math.max(0, columns - width(text))) + text

/** The longest beginning that takes no more than so many columns; of text without colours. */
export const fit = (text: string, columns: number): string => {
  if (width(text) <= columns) return text
  let fitting = ""
  let left = columns
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    left -= width(segment)
    if (left < 0) break
    fitting += segment
  }
  return fitting
}

/** Breaks between words where it can. */
export const wrap = (text: string, columns: number): string =>
  Number.isFinite(columns) ? wrapAnsi(text, columns, { hard: true }) : text

export const seconds = (millis: number, digits = 2): string => `${(millis / 1_000).toFixed(digits)} s`
