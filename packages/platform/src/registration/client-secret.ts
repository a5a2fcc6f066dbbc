import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

// 288 bits: without the three characters that the hint shows, 270 of them stay unknown.
const SECRET_BYTES = 36
const HINT_LENGTH = 3

/** A new client secret of 48 characters, its hint and what is kept of it. */
export interface NewSecret {
  readonly text: string
  readonly hint: string
  readonly hash: string
}

/** Makes a client secret. Its alphabet needs no encoding in a form, a URL or a shell, and it never begins with a hyphen. */
export function makeSecret(): NewSecret {
  const text = randomBytes(SECRET_BYTES).toString('base64url').replaceAll('-', '.')
  return { text, hint: text.slice(0, HINT_LENGTH), hash: hashSecret(text) }
}

/** What is kept of a secret: SHA-256, which is enough for a secret of this length (docs/decisions/0008). */
const hashSecret = (text: string): string => hash('sha256', text, 'base64url')

/** Returns the records whose secret this is; each is compared in constant time. */
export function matchesSecret<T extends { readonly secret_hash: string }>(
  text: string,
  records: readonly T[],
): readonly T[] {
  const sent = Buffer.from(hashSecret(text))
  return records.filter((record) => {
    const kept = Buffer.from(record.secret_hash)
    return kept.length === sent.length && timingSafeEqual(kept, sent)
  })
}
