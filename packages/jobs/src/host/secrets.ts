// What looks like a secret in a line that a job or a server has written. Nothing here is meant to be logged in the first
// place: this is the net below it.
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // A JSON Web Token, whole or cut: its header is the base64 of `{"`.
  [/\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}/g, '[token]'],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, '$1 [secret]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[private key]'],
  // The password in an address such as postgres://name:password@host.
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, '$1:[secret]@'],
  [
    /\b((?:[a-z]+[_-])*(?:secret|password|passwd|pwd|access_token|refresh_token|client_assertion|api[_-]?key|signature|sig))(["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi,
    '$1$2[secret]',
  ],
]

const LINE_MAX_CHARACTERS = 4_000

/** A line without what looks like a secret, without characters that steer a terminal, and of at most 4,000 characters. */
export function loggable(text: string): string {
  const cut = text.length > LINE_MAX_CHARACTERS ? `${text.slice(0, LINE_MAX_CHARACTERS - 1)}…` : text
  const clean = PATTERNS.reduce((line, [pattern, instead]) => line.replaceAll(pattern, instead), cut)
  return clean.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}
