/**
 * Why the reference upstreams could not start: what is wrong, and what to do about it. It is the one error of the start, so
 * that whoever embeds them can print its message and leave.
 */
import { Data } from "effect"

export class StartError extends Data.TaggedError("StartError")<{
  /** `PortTaken`, `Listen`: the network. `DataFolder`: cannot be made or written to. `DataFile`: not a file of ours, or damaged. */
  readonly reason: "PortTaken" | "Listen" | "DataFolder" | "DataFile"
  readonly what: string
  readonly todo: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.what}. ${this.todo}.`
  }
}
