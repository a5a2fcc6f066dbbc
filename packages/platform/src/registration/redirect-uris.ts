import { badRequest } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'

const URIS_MAX = 256
const URI_LENGTH_MAX = 256

/**
 * Reads the `web` property of an application: where administrators may be sent after consent. Only https, or http on this
 * machine, without a fragment (RFC 6749 §3.1.2).
 *
 * @throws GraphError 400 for anything else.
 */
export function redirectUrisOf(web: unknown): readonly string[] {
  const { redirectUris = [], ...others } = bodyObject(web)
  const [other] = Object.keys(others)
  if (other !== undefined) throw badRequest(`Property 'web.${other.slice(0, 100)}' cannot be set.`)
  if (Array.isArray(redirectUris) && redirectUris.length <= URIS_MAX && redirectUris.every(isRedirectUri))
    return redirectUris
  throw badRequest(
    "Property 'web.redirectUris' must be a list of https URIs, or http ones on localhost, without a fragment.",
  )
}

function isRedirectUri(uri: unknown): uri is string {
  if (typeof uri !== 'string' || uri.length > URI_LENGTH_MAX || uri.includes('#') || !URL.canParse(uri))
    return false
  const { protocol, hostname, username, password } = new URL(uri)
  const local = protocol === 'http:' && (hostname === 'localhost' || hostname === '127.0.0.1')
  return (protocol === 'https:' || local) && username === '' && password === ''
}
