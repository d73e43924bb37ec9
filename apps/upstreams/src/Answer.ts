/**
 * What an upstream may answer: JSON as it stands, or an error that says what is wrong and what it should be. Nothing of the
 * inside is ever in an answer.
 */
import { HttpServerResponse } from "effect/http"

type Response = HttpServerResponse.HttpServerResponse

const contentType = "application/json"

/** 200 with this JSON text. */
export const json = (body: string): Response => HttpServerResponse.text(body, { contentType })

/** Any status with `{"error": …}`. */
export const error = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): Response =>
  HttpServerResponse.text(JSON.stringify({ error: message }), { status, contentType, headers })

/** 400 for an input: its name, what came, what it should be. */
export const badInput = (name: string, value: unknown, expected: string): Response =>
  error(400, `${name} ${value === undefined ? "is missing" : `is ${show(value)}`}: it should be ${expected}`)

export const internal: Response = error(500, "internal error")

// What a client sent is shown back to it, but not at any length.
const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "unreadable"
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
