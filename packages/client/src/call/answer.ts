import type { Authority } from '../authority/authority.ts'
import { PermissionError, ProtocolError, type TomteError } from '../errors.ts'
import type { Identity } from '../identity/identity.ts'
import { rolesIn } from '../token/roles.ts'
import { ApiError, errorOf } from './errors.ts'
import type { Incoming } from './transport.ts'

/** A refusal as it came: of a call, or of one item of a batch. */
export interface Refusal {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly headers: Incoming['headers']
  readonly body: unknown
  /** What the call was made with. */
  readonly accessToken: string | undefined
  /** Said in place of what the class of the error would say. */
  readonly hint?: string | undefined
}

/** The JSON of a success, or `undefined` of an empty one. @throws ProtocolError if it is no JSON. */
export function readJson(method: string, pathname: string, { status, text }: Incoming): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new ProtocolError(
      `Cannot read the answer to ${method} ${pathname}, as it must be JSON: status ${status}, ${text.length} characters`,
      { code: 'answer_malformed' },
    )
  }
}

/** The JSON of a refusal, or the beginning of its text. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text.slice(0, 1000)
  }
}

/** The first value of a header. */
export function headerOf({ headers }: Pick<Incoming, 'headers'>, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Makes the error that a refusal is; `needed` are the application permissions that would do, if they are known. */
export function refusalError(refusal: Refusal, identity: Identity, needed: readonly string[]): TomteError {
  const { method, path, status, body, accessToken, hint } = refusal
  const { code = `http_${status}`, message = 'no message' } = errorOf(body)
  const requestId = headerOf(refusal, 'request-id')
  const clientRequestId = headerOf(refusal, 'client-request-id')
  // Without the query, which may name people.
  const said = `Cannot ${method} ${path.split('?', 1)[0]}: status ${status}, ${code}: ${message}`
  if (status !== 403) return new ApiError(said, { code, status, requestId, clientRequestId, body, hint })
  const { clientId, authority } = identity
  const rolesHeld = accessToken === undefined ? undefined : rolesIn(accessToken)
  const consentUrl = clientId === undefined ? undefined : authority?.adminConsentUrl?.(clientId)
  return new PermissionError(said, {
    code,
    hint: heldHint(rolesHeld) + consentHint(clientId, authority, needed),
    rolesHeld,
    rolesNeeded: needed,
    consentUrl,
  })
}

const ROLES_SHOWN = 20

function heldHint(rolesHeld: readonly string[] | undefined): string {
  if (rolesHeld === undefined) return ''
  if (rolesHeld.length === 0) return 'The token holds no roles. '
  const more = rolesHeld.length > ROLES_SHOWN ? ' and more' : ''
  return `The token holds ${rolesHeld.slice(0, ROLES_SHOWN).join(', ')}${more}. `
}

function consentHint(
  clientId: string | undefined,
  authority: Authority | undefined,
  needed: readonly string[],
): string {
  const permission =
    needed.length === 0
      ? 'the application permission that this call needs'
      : `the application permission ${needed.join(', ')}`
  if (clientId === undefined || authority === undefined)
    return `The identity has no consent for ${permission}: an administrator of its tenant has to grant it`
  if (authority.adminConsentUrl === undefined)
    return `Application '${clientId}' lacks ${permission}: an administrator of ${authority.host} or of the API has to grant it`
  return (
    `Application '${clientId}' has no consent for ${permission} in tenant '${authority.tenant}': ` +
    `an administrator of that tenant has to grant it, at ${authority.adminConsentUrl(clientId)}`
  )
}
