import { TokenRefusal } from './refusals.ts'

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

/** Returns a parameter that must be there. @throws TokenRefusal 900144. */
export function required(form: Form, name: string): string {
  const value = form[name]
  if (value === undefined || value === '') throw new TokenRefusal(900144, { name })
  return value
}

const OPENID_SCOPES = new Set(['openid', 'profile', 'email', 'offline_access'])
const GRAPH = 'https://graph.microsoft.com'

/**
 * Returns the resource of a static scope: everything before the last `/` of `{resource}/.default`. Some clients add
 * OpenID scopes, which mean nothing here (wire.md §3).
 *
 * @throws TokenRefusal 1002012 for anything else, 700022 for two resources.
 */
export function resourceOf(scope: string): string {
  const asked = scope.split(' ').filter((part) => part !== '' && !OPENID_SCOPES.has(part))
  const [first, ...rest] = asked
  if (first === undefined || asked.some((part) => part !== '.default' && !part.endsWith('/.default'))) {
    throw new TokenRefusal(1002012, { scope })
  }
  if (rest.some((part) => part !== first)) throw new TokenRefusal(700022, { scope })
  return first === '.default' ? GRAPH : first.slice(0, -'/.default'.length)
}
