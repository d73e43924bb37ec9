/** Why nothing was written: said to whoever asked, in a sentence. */
import { Schema } from "effect"
import { CliError } from "effect/cli"

export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {
  override get message() {
    return this.why
  }
  override get [CliError.userMessage]() {
    return this.why
  }
}
