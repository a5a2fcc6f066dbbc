/** A JSON object from outside: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a]
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d]

/** Reads bytes as one JSON object, `undefined` if they are none. */
export function jsonObject(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  } catch {
    // What is no JSON is no object.
  }
  return undefined
}

/**
 * Whether a member's name stands twice in an object that these bytes are: readers differ in which of the two they take, so
 * neither counts (RFC 7519 §4). The objects inside are not looked at.
 */
export function hasDuplicates(bytes: Buffer, read: JsonObject): boolean {
  return countMembers(bytes) !== Object.keys(read).length
}

/** Counts the members of a JSON object by its colons, which stand outside of texts and of inner values. */
function countMembers(bytes: Buffer): number {
  let depth = 0
  let members = 0
  for (let index = 0; index < bytes.length; index++) {
    switch (bytes[index]) {
      case QUOTE:
        index = endOfText(bytes, index)
        break
      case COLON:
        if (depth === 1) members++
        break
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--
    }
  }
  return members
}

/** The place of the quote that ends the text which begins at `start`. */
function endOfText(bytes: Buffer, start: number): number {
  let index = start + 1
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1
  return index
}
