import type { Form } from './parse.ts'
import { TokenRefusal } from './refusal.ts'

/** What a client asks of its token by the `claims` parameter (wire.md §11). */
export interface ClaimsRequest {
  /** Whether the client says that it handles claims challenges: the capability `cp1`, in any case. */
  readonly handlesChallenges: boolean
  /** The token must not begin before this instant, in seconds since 1970; an API that has had a change of policy asks for it. */
  readonly notBefore: number | undefined
}

const NOTHING_ASKED: ClaimsRequest = { handlesChallenges: false, notBefore: undefined }
// A challenge names an instant that has passed on the API's clock, which may be a little ahead of ours.
const SKEW_SECONDS = 300

/**
 * Reads the `claims` parameter; what it asks of other tokens, and claims that are not known, are ignored (wire.md §11).
 *
 * @throws TokenRefusal 9002313 for what is no claims request, and for a token of the future.
 */
export function readClaimsRequest({ claims }: Form, nowMs: number): ClaimsRequest {
  if (claims === undefined || claims === '') return NOTHING_ASKED
  const access = member(parsed(claims), 'access_token')
  const capabilities = member(access, 'xms_cc')?.['values'] ?? []
  if (!Array.isArray(capabilities)) throw new TokenRefusal(9002313)
  return {
    handlesChallenges: capabilities.some((value) => typeof value === 'string' && /^cp1$/i.test(value)),
    notBefore: instant(member(access, 'nbf')?.['value'], nowMs),
  }
}

type Json = Readonly<Record<string, unknown>>

function parsed(text: string): Json {
  try {
    return object(JSON.parse(text))
  } catch {
    throw new TokenRefusal(9002313)
  }
}

function object(value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw new TokenRefusal(9002313)
}

/** A claim may be asked for by `null`, which demands nothing of its value (OpenID Connect Core §5.5.1). */
function member(of: Json | undefined, name: string): Json | undefined {
  const value = of && Object.hasOwn(of, name) ? of[name] : undefined
  return value === undefined || value === null ? undefined : object(value)
}

function instant(value: unknown, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  const seconds = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value
  if (typeof seconds !== 'number' || !Number.isSafeInteger(seconds) || seconds < 0)
    throw new TokenRefusal(9002313)
  if (seconds > Math.floor(nowMs / 1000) + SKEW_SECONDS) throw new TokenRefusal(9002313)
  return seconds
}
