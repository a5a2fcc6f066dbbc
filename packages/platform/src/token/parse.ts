import { TokenRefusal } from './refusal.ts'

/** The token request's form, before anything in it has been believed. */
export type Form = Readonly<Record<string, string>>

const VALUE_LENGTH_MAX = 65_536

/** Reads the form; a doubled parameter is refused (RFC 6749 §3.2). @throws TokenRefusal 9002313. */
export function readForm(text: string): Form {
  const form: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in form || value.length > VALUE_LENGTH_MAX || value.includes('\0'))
      throw new TokenRefusal(9002313)
    form[name] = value
  }
  return form
}

/**
 * Adds to a form what HTTP Basic says of the client: both halves are form-urlencoded (RFC 6749 §2.3.1). A request proves its
 * client in one way alone (§2.3); other schemes of the header mean nothing here.
 *
 * @throws TokenRefusal 9002313 for two proofs, two different clients, or a header that cannot be read.
 */
export function readClient(form: Form, authorization: string | undefined): Form {
  const proofs = [form['client_secret'], form['client_assertion']].filter((proof) => proof)
  const basic = isBasic(authorization) ? readBasic(authorization) : undefined
  if (proofs.length > (basic ? 0 : 1)) throw new TokenRefusal(9002313)
  if (!basic) return form
  const named = form['client_id'] || basic.clientId
  if (named.toLowerCase() !== basic.clientId.toLowerCase()) throw new TokenRefusal(9002313)
  return { ...form, client_id: named, client_secret: basic.secret }
}

/** Whether an Authorization header is one of HTTP Basic (RFC 7617). */
export const isBasic = (authorization: string | undefined): authorization is string =>
  /^basic(?: |$)/i.test(authorization ?? '')

function readBasic(authorization: string): { readonly clientId: string; readonly secret: string } {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)?.[1] ?? ''
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1 || text.includes('\0')) throw new TokenRefusal(9002313)
  return { clientId: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) }
}

function formDecoded(text: string): string {
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    if (!decoded.includes('\0')) return decoded
  } catch {
    // Falls through: what cannot be decoded is refused.
  }
  throw new TokenRefusal(9002313)
}

/** Returns a parameter that must be there. @throws TokenRefusal 900144. */
export function required(form: Form, name: string): string {
  const value = form[name]
  if (value === undefined || value === '') throw new TokenRefusal(900144, { name })
  return value
}

/** Refuses to give a bearer token to a client that asks for one which is bound to a key (wire.md §3). @throws TokenRefusal 51000. */
export function refuseBinding({ token_type: type, req_cnf: confirmation }: Form): void {
  if (confirmation || (type && type.toLowerCase() !== 'bearer')) throw new TokenRefusal(51000)
}

const OPENID_SCOPES = new Set(['openid', 'profile', 'email', 'offline_access'])
const GRAPH = 'https://graph.microsoft.com'
const STATIC = '/.default'

/** The two token endpoints: they differ in how the resource is asked for, and in the types of the answer (wire.md §3). */
export type EndpointVersion = 1 | 2

/**
 * Returns the resource that a token request is for: v1.0 has it verbatim in `resource`, v2.0 in `scope`.
 *
 * @throws TokenRefusal 900144, 901002, 90014, 1002012, 70011, 700022.
 */
export function readResource(form: Form, version: EndpointVersion): string {
  if (version === 1) return required(form, 'resource')
  if (form['resource']) throw new TokenRefusal(901002)
  if (!form['scope']) throw new TokenRefusal(90014, { name: 'scope' })
  return resourceOf(form['scope'])
}

/**
 * Returns the resource of a static scope: everything before the last `/` of `{resource}/.default`. Some clients add
 * OpenID scopes, which mean nothing here (wire.md §3).
 *
 * @throws TokenRefusal 1002012 for a named scope, 70011 for one beside a static one or without a resource, 700022 for two
 *   resources.
 */
export function resourceOf(scope: string): string {
  const asked = scope.split(' ').filter((part) => part !== '' && !OPENID_SCOPES.has(part))
  const named = asked.filter((part) => part !== '.default' && !part.endsWith(STATIC))
  const [first, ...rest] = asked
  if (first === undefined || named.length === asked.length) throw new TokenRefusal(1002012, { scope })
  if (named.length > 0 || asked.includes(STATIC)) throw new TokenRefusal(70011, { scope })
  if (rest.some((part) => part !== first)) throw new TokenRefusal(700022, { scope })
  return first === '.default' ? GRAPH : first.slice(0, -STATIC.length)
}
