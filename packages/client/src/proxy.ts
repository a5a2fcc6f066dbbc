import type { Environment } from './config.ts'
import { ConfigurationError } from './errors.ts'
import { withoutUser } from './network.ts'

/** A proxy that takes `CONNECT` (RFC 9110 §9.3.6): the API's TLS passes through it, and it never sees a token. */
export interface Proxy {
  /** `http://` or `https://`, with user name and password if it wants them. */
  readonly url: string
  /** Hosts that are called directly, as `NO_PROXY` has them: names, `.suffixes`, `*`, separated by commas. Default: none. */
  readonly except: string
}

/**
 * Reads which proxy to take from `HTTPS_PROXY` and `NO_PROXY`, in small letters or capitals, small ones first; `undefined` if
 * there is none. Hand it to the identity, and to `api` or `graph`.
 *
 * @throws ConfigurationError if `HTTPS_PROXY` is no URL of a proxy; its user name and password are not repeated.
 * @example
 * ```ts
 * import { AppIdentity, graph, identityFromEnvironment, proxyFromEnvironment } from '@tomte/client'
 * const proxy = proxyFromEnvironment(process.env)
 * const identity = new AppIdentity({ ...identityFromEnvironment(process.env), proxy })
 * const directory = graph(identity, { proxy })
 * ```
 */
export function proxyFromEnvironment(environment: Environment): Proxy | undefined {
  const value = (name: string) => (environment[name.toLowerCase()] ?? environment[name])?.trim() || undefined
  const url = value('HTTPS_PROXY')
  if (url === undefined) return undefined
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    throw new ConfigurationError(
      `Cannot use the proxy of HTTPS_PROXY, as it must be an http:// or https:// URL: found '${withoutUser(url)}'`,
      { code: 'proxy_invalid', hint: 'Set it to such as http://proxy.contoso.example:8080, or unset it' },
    )
  }
  return { url, except: value('NO_PROXY') ?? '' }
}
