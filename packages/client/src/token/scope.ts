import { ConfigurationError } from '../errors.ts'

/**
 * Returns the scope if it is one that client credentials can ask for: `{resource}/.default` (wire.md §3).
 * An application's permissions are fixed at registration, so single permissions cannot be asked for.
 *
 * @throws ConfigurationError for any other scope; its hint gives the right one where it can be guessed.
 */
export function staticScope(scope: string): string {
  if (/^\S+\/\.default$/.test(scope)) return scope
  throw new ConfigurationError(
    `Cannot ask for the scope, as client credentials take '{resource}/.default' alone: found '${scope}'`,
    { code: 'scope_invalid', hint: suggestion(scope) },
  )
}

// Tokens of printable ASCII without quote and backslash, one space apart.
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * Returns the scope if an OAuth 2.0 server can be asked for it (RFC 6749 §3.3); an empty text asks for none, and gets what the
 * server gives by default.
 *
 * @throws ConfigurationError for any other text.
 */
export function anyScope(scope: string): string {
  if (scope === '' || SCOPE.test(scope)) return scope
  throw new ConfigurationError(
    `Cannot ask for the scope, as words of printable ASCII, one space apart, are needed (RFC 6749 §3.3): found ${JSON.stringify(scope.slice(0, 200))}`,
    {
      code: 'scope_invalid',
      hint: 'Ask for scopes such as "orders.read orders.write", or for none with an empty text',
    },
  )
}

function suggestion(scope: string): string {
  if (scope === '' || scope.includes(' '))
    return 'Ask for one resource at a time, for example https://graph.microsoft.com/.default'
  if (scope === '.default') return 'Name the resource, for example https://graph.microsoft.com/.default'
  const resource = /^([a-z]+:\/\/[^/]+)/i.exec(scope)?.[1] ?? 'https://graph.microsoft.com'
  return `Ask for ${resource}/.default: the permissions themselves are those an administrator has consented to`
}
