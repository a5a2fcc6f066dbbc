type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Adds what the application can do to the claims of a token request, as `xms_cc` of the access token (wire.md §11). Claims that are
 * no JSON object go out as they are: what is wrong with them is for the authority to say.
 */
export function declaredClaims(
  claims: string | undefined,
  capabilities: readonly string[] = [],
): string | undefined {
  return capabilities.length === 0 ? claims : (withCapabilities(claims ?? '{}', capabilities) ?? claims)
}

/** The same claims with `xms_cc`; `undefined` of what asks for no claims at all. */
export function withCapabilities(claims: string, capabilities: readonly string[]): string | undefined {
  const asked = parsed(claims)
  if (!isObject(asked)) return undefined
  const { access_token: accessToken = {} } = asked
  if (!isObject(accessToken)) return undefined
  return JSON.stringify({ ...asked, access_token: { ...accessToken, xms_cc: { values: capabilities } } })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
