import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { hashPassword, verifyPassword } from '../portal/password.ts'

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

const SHORT_SECRET_PREFIX = 'scrypt:'
const FAST_SECRET_LENGTH_MIN = 32
const VERIFIED_MAX = 1000

/** What is kept of a secret that somebody has chosen: one of fewer than 32 characters costs an attacker scrypt (RFC 7914) for each guess. */
export async function keepSecret(text: string): Promise<Pick<NewSecret, 'hint' | 'hash'>> {
  if (text.length >= FAST_SECRET_LENGTH_MIN)
    return { hint: text.slice(0, HINT_LENGTH), hash: hashSecret(text) }
  // A hint would give away a good part of a short secret.
  return { hint: '', hash: `${SHORT_SECRET_PREFIX}${await hashPassword(text)}` }
}

// What has been verified once, by a key of this process: scrypt for every token would be its whole cost.
const verifiedKey = randomBytes(32)
const verified = new Set<string>()

/** Returns the records of short secrets whose secret this is; the second time costs as little as for a long one. */
export async function matchesShortSecret<T extends { readonly secret_hash: string }>(
  text: string,
  records: readonly T[],
): Promise<readonly T[]> {
  const matching: T[] = []
  for (const record of records) {
    if (record.secret_hash.startsWith(SHORT_SECRET_PREFIX) && (await isShortSecret(text, record.secret_hash)))
      matching.push(record)
  }
  return matching
}

async function isShortSecret(text: string, kept: string): Promise<boolean> {
  const name = createHmac('sha256', verifiedKey).update(kept).update('\0').update(text).digest('base64')
  if (verified.has(name)) return true
  if (text.length >= FAST_SECRET_LENGTH_MIN) return false
  if (!(await verifyPassword(text, kept.slice(SHORT_SECRET_PREFIX.length)))) return false
  if (verified.size >= VERIFIED_MAX) verified.clear()
  verified.add(name)
  return true
}
