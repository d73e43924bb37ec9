/** The ids of rooms and users, and lists of them as the batch routes take them. */

/** What a query or path parameter may be: absent, once, or (a query's) several times. */
export type Raw = string | ReadonlyArray<string> | undefined

export const expected = "1 to 64 of A-Z a-z 0-9 _ -"

export const is = (value: Raw): value is string => typeof value === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(value)

export const most = 100

export const listExpected = `1 to ${most} ids separated by commas, each ${expected}`

/** The ids of a list such as `a,b,c` as a JSON array, each once, in their order; undefined where it is no such list. */
export const list = (value: Raw): string | undefined => {
  if (typeof value !== "string") return undefined
  const ids = value.split(",")
  return ids.length <= most && ids.every(is) ? JSON.stringify([...new Set(ids)]) : undefined
}
