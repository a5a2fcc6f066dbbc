import { ConfigurationError } from '../errors.ts'
import { withoutUser } from '../network.ts'

/** What an authorization server says of itself, as far as a token request needs it (RFC 8414 §2). */
export interface ServerMetadata {
  readonly issuer: string
  readonly tokenEndpoint: string
  /** How it takes a client's proof; what it leaves out means `client_secret_basic` alone. */
  readonly authMethods: readonly string[]
  /** How it takes assertions to be signed; `undefined` if it says nothing. */
  readonly signingAlgorithms: readonly string[] | undefined
}

const ISSUER = /^https:\/\/[^\s?#\\]+$/
const ISSUER_LENGTH_MAX = 1_000

/**
 * Returns the issuer, letter by letter, if it can be one: an https URL without user, query and fragment (RFC 8414 §2).
 *
 * @throws ConfigurationError for anything else.
 */
export function issuerName(issuer: string): string {
  const url = ISSUER.test(issuer) && URL.canParse(issuer) ? new URL(issuer) : undefined
  const isOpen = url?.username === '' && url.password === ''
  if (isOpen && issuer.length <= ISSUER_LENGTH_MAX) return issuer
  throw new ConfigurationError(
    `Cannot use the issuer, as it must be an https:// URL without user, query and fragment: found '${withoutUser(issuer).slice(0, 200)}'`,
    {
      code: 'issuer_invalid',
      hint: 'Set it to the "issuer" that the authorization server states in its metadata, letter by letter',
    },
  )
}

/** A value of an extra parameter, or several of the same name, as with `resource` (RFC 8707 §2). */
export type ExtraParameters = Readonly<Record<string, string | readonly string[]>>

const RESERVED = [
  'grant_type',
  'scope',
  'claims',
  'client_id',
  'client_secret',
  'client_assertion_type',
  'client_assertion',
]

/** The extra parameters as pairs. @throws ConfigurationError for a name that the token request itself sets, or an empty one. */
export function extraParameters(parameters: ExtraParameters): readonly (readonly [string, string])[] {
  const taken = Object.keys(parameters).filter((name) => name === '' || RESERVED.includes(name))
  if (taken.length === 0) {
    return Object.entries(parameters).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, value] as const),
    )
  }
  throw new ConfigurationError(
    `Cannot send the extra parameters, as names other than ${RESERVED.join(', ')} are needed: found '${taken.join("', '")}'`,
    {
      code: 'parameters_reserved',
      hint: 'Give the scope to getToken and the proof as `credential`; parameters are for others, such as resource or audience',
    },
  )
}

/** A tenant as a message names it, or the issuer of a server that has no tenants. */
export const placeOf = (tenant: string, quote = "'"): string =>
  `${tenant.startsWith('https://') ? 'at' : 'in tenant'} ${quote}${tenant}${quote}`
