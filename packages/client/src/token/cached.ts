import type { Clock } from '../clock.ts'
import type { Token, TokenSource } from './token.ts'

// The client's and the server's clocks differ a little, and a request takes a while to arrive.
const EXPIRY_MARGIN_MS = 10_000
// An early renewal that failed is not tried again at once: the cached token still works.
const RENEWAL_PAUSE_MS = 30_000

/**
 * Keeps the token that `fetch` returns. A caller waits only when there is none that works; past its renewal point the old
 * token is served while one request, shared by all callers, gets the next.
 */
export function cachedSource(fetch: () => Promise<Token>, clock: Clock): TokenSource {
  let cached: Token | undefined
  let flight: Promise<Token> | undefined
  let nextEarlyTryMs = 0

  function refresh(): Promise<Token> {
    flight ??= fetch()
      .then((token) => {
        cached = token
        return token
      })
      .finally(() => {
        flight = undefined
      })
    return flight
  }

  return {
    async token({ renew } = {}) {
      if (renew !== undefined && cached?.accessToken === renew) cached = undefined
      const now = clock.now()
      if (!cached || now >= cached.expiresAtMs - EXPIRY_MARGIN_MS) return refresh()
      if (now >= cached.refreshAtMs && now >= nextEarlyTryMs && !flight) {
        nextEarlyTryMs = now + RENEWAL_PAUSE_MS
        refresh().catch(() => {}) // The cached token still works; a later caller tries again.
      }
      return cached
    },
  }
}
