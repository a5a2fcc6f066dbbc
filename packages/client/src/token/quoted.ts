const WORDS_MAX = 1_000
const NAME_MAX = 100
// Shorter texts turn up in any sentence.
const SECRET_MIN = 8
const PRINTABLE_NAME = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}$/

/**
 * What an error may repeat of the other side's words: one printable line of at most 1,000 characters, without anything that
 * looks like a JWT and without the texts in `hidden`, such as the secret that was sent.
 */
export function quoted(words: string, hidden: readonly unknown[] = []): string {
  let line = words
  for (const secret of hidden) {
    if (typeof secret === 'string' && secret.length >= SECRET_MIN) line = line.replaceAll(secret, '…')
  }
  // Cut before the search for tokens, which a cut one still is, so that a long line costs no time.
  return line
    .slice(0, WORDS_MAX)
    .replaceAll(/eyJ[\w.-]{10,}/g, '…')
    .replaceAll(/\p{Cc}/gu, ' ')
}

/** A code or an id of the other side, in the characters of RFC 6749 §5.2; `undefined` for anything else. */
export function quotedName(value: unknown, hidden: readonly unknown[] = []): string | undefined {
  if (typeof value !== 'string' || !PRINTABLE_NAME.test(value)) return undefined
  return quoted(value, hidden) === value ? value : undefined
}

/** A header as an error may repeat it. */
export const quotedHeader = (value: string): string => quoted(value).slice(0, NAME_MAX)
