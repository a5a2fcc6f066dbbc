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

function suggestion(scope: string): string {
  if (scope === '' || scope.includes(' '))
    return 'Ask for one resource at a time, for example https://graph.microsoft.com/.default'
  if (scope === '.default') return 'Name the resource, for example https://graph.microsoft.com/.default'
  const resource = /^([a-z]+:\/\/[^/]+)/i.exec(scope)?.[1] ?? 'https://graph.microsoft.com'
  return `Ask for ${resource}/.default: the permissions themselves are those an administrator has consented to`
}
