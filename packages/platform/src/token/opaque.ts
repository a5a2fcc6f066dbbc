import { randomBytes } from 'node:crypto'

// To ask for a few random bytes costs as much as to ask for a page of them, so they are drawn ahead. Nothing secret is made of
// them, and none are used twice.
const AHEAD_BYTES = 4096
let ahead = Buffer.alloc(0)
let used = 0

/** A text that nobody can guess and that says nothing, of so many random bytes, 4,096 at most: base64url. */
export function opaque(bytes: number): string {
  if (used + bytes > ahead.length) {
    ahead = randomBytes(AHEAD_BYTES)
    used = 0
  }
  used += bytes
  return ahead.toString('base64url', used - bytes, used)
}
