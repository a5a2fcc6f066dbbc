// A directory role list has some hundred names; a token that says more is not shown in full anywhere.
const ROLES_MAX = 1000
const ROLE_CHARACTERS_MAX = 250
const PAYLOAD_CHARACTERS_MAX = 256 * 1024

/**
 * Reads the application permissions out of an access token, without verifying it: for display, never for a decision, since a
 * token is its API's to judge (wire.md §6). At most 1,000 roles of at most 250 characters each; others are left out.
 *
 * @returns `undefined` if the token is opaque; an empty list if it is a JWT without roles.
 */
export function rolesIn(accessToken: string): readonly string[] | undefined {
  const [, payload = '', signature, ...more] = accessToken.split('.', 4)
  if (signature === undefined || more.length > 0 || payload.length > PAYLOAD_CHARACTERS_MAX) return undefined
  const claims = parsed(Buffer.from(payload, 'base64url').toString('utf8'))
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  const { roles } = claims as { readonly roles?: unknown }
  if (!Array.isArray(roles)) return []
  const fits = (role: unknown): role is string =>
    typeof role === 'string' && role !== '' && role.length <= ROLE_CHARACTERS_MAX
  return roles.filter(fits).slice(0, ROLES_MAX)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
