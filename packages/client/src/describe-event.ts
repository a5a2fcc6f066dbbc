import { placeOf } from './authority/issuer.ts'
import type { CredentialExpiring, IdentityEvent } from './events.ts'

const LINE_MAX_CHARACTERS = 500

/**
 * Says in one plain line, of at most 500 characters, what happened: for a log that people read. It may quote what the
 * other side said, never a token, secret or key.
 *
 * @example
 * ```ts
 * import { AppIdentity, describeEvent, identityFromEnvironment } from '@tomte/client'
 * const identity = new AppIdentity({
 *   ...identityFromEnvironment(process.env),
 *   onEvent: (event) => console.error(describeEvent(event)),
 * })
 * ```
 */
export function describeEvent(event: IdentityEvent): string {
  const line = (LINES[event.type] as (event: IdentityEvent) => string)(event)
  // The other side's words must neither start a line of their own nor steer a terminal.
  const plain = line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return plain.length > LINE_MAX_CHARACTERS ? `${plain.slice(0, LINE_MAX_CHARACTERS - 1)}…` : plain
}

/** One line for each type of event; the compiler asks for every new one. */
const LINES: {
  readonly [Type in IdentityEvent['type']]: (event: Extract<IdentityEvent, { readonly type: Type }>) => string
} = {
  token_obtained: ({ tenant, scope, durationMs, expiresAtMs }) =>
    `Got a token for ${scope} ${placeOf(tenant, '')} within ${Math.round(durationMs)} ms, good until ${instant(expiresAtMs)}`,
  token_refused: ({ tenant, scope, durationMs, error }) =>
    `Got no token for ${scope} ${placeOf(tenant, '')} within ${Math.round(durationMs)} ms: ${reason(error)}`,
  renewal_failed: ({ tenant, scope, servedUntilMs, error }) =>
    `Could not renew the token for ${scope} ${placeOf(tenant, '')}, which is served until ${instant(servedUntilMs)}: ${reason(error)}`,
  credential_refused: ({ tenant, credential, error }) =>
    `The authority refused credential ${credential + 1} ${placeOf(tenant, '')}, so the next is tried: ${reason(error)}`,
  credential_expiring: expiryLine,
  store_warning: ({ message, hint }) => `${message}. ${hint}`,
}

function expiryLine({ credential, expiresAtMs, daysLeft }: CredentialExpiring): string {
  const which =
    typeof credential === 'number'
      ? `Credential ${credential + 1}`
      : `The registered credential ${credential}`
  if (daysLeft === 0) return `${which} ended at ${instant(expiresAtMs)}`
  return `${which} ends at ${instant(expiresAtMs)}, within ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}`
}

const reason = (error: unknown) => (error instanceof Error ? error.message || error.name : 'unknown reason')

/** `servedUntilMs` may be any number where there is no token; a date can hold only some. */
function instant(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString()
}
