import { ConfigurationError, ProtocolError } from '../errors.ts'
import { withoutUser } from '../network.ts'

/** Where one call goes. */
export interface Target {
  /** Without the query, which may name people. */
  readonly pathname: string
  /** Path and query. */
  readonly path: string
}

// Parsing changes nothing in such a path: there is nothing to encode, no fragment, and no dots that climb.
const PLAIN = /^[\w~!$&()*+,;=:@/.%-]*(?:\?[\w~!$&()*+,;=:@/?.%-]+)?$/
const CLIMBS = /(?:^|\/)(?:\.|%2e){1,2}(?:[/?]|$)/i

/** The root of an API: the only place that its token goes to. */
export class Address {
  readonly origin: string
  /** With a slash at its end. */
  readonly href: string
  readonly #pathname: string

  /** @throws ConfigurationError if the text is no https:// URL, or has a query. */
  constructor(text: string) {
    const { origin, pathname, href } = baseUrl(text)
    this.origin = origin
    this.href = href
    this.#pathname = pathname
  }

  /**
   * Resolves what a caller or a link names. The token goes to the base URL's origin alone, wherever a link in an answer may
   * point; a path cannot climb out of the base URL, whatever was put into it.
   *
   * @throws ProtocolError if it lies on another origin, or outside of the base URL.
   */
  resolve(path: string): Target {
    if (!isAbsolute(path) && PLAIN.test(path) && !CLIMBS.test(path)) {
      const whole = this.#pathname + (path.startsWith('/') ? path.slice(1) : path)
      const query = whole.indexOf('?')
      return { pathname: query < 0 ? whole : whole.slice(0, query), path: whole }
    }
    return this.#parsed(path)
  }

  #parsed(path: string): Target {
    const absolute = isAbsolute(path)
    const text = absolute ? path : this.href + path.replace(/^\//, '')
    const url = URL.canParse(text, this.href) ? new URL(text, this.href) : undefined
    if (url?.origin !== this.origin || url.username !== '' || url.password !== '') throw this.#foreign(url)
    const { pathname, search } = url
    if (absolute || pathname.startsWith(this.#pathname)) return { pathname, path: pathname + search }
    throw new ProtocolError(`Cannot call ${pathname}, as every path must be below ${this.href}`, {
      code: 'path_outside',
      hint: 'Encode what goes into a path with encodeURIComponent',
    })
  }

  #foreign(url: URL | undefined): ProtocolError {
    const elsewhere = url && url.origin !== 'null' ? url.origin : 'what is no web address'
    const found = url?.origin === this.origin ? 'an address with a user name' : elsewhere
    return new ProtocolError(`Cannot call ${found}, as the token may only be sent to ${this.origin}`, {
      code: 'foreign_origin',
      hint: 'Make another api() for that origin, with a scope of its own',
    })
  }
}

const isAbsolute = (path: string) => /^[a-z][a-z0-9+.-]*:/i.test(path) || path.startsWith('//')

function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.href !== url.origin + url.pathname) {
    throw new ConfigurationError(
      `Cannot use the base URL, as it must be an https:// URL without a query: found '${withoutUser(text)}'`,
      {
        code: 'base_url_invalid',
        hint: 'Set it to the root of the API, for example https://graph.microsoft.com/v1.0',
      },
    )
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
