import { createGuard, type Guard, GuardRefusal, type KeySource } from '@tomte/guard'
import type { Now } from '../clock.ts'
import { GRAPH_APP_ID, GRAPH_IDENTIFIER_URIS } from '../registration/graph-application.ts'

/**
 * Makes the guard of the directory. Every tenant of this platform is let in: each sees only its own directory. What is revoked
 * is only asked of clients that declared `cp1`; the tokens of others live until they end, as Entra's do (wire.md §§11, 12).
 */
export function directoryGuard(keys: KeySource, now: Now): Guard {
  const options = {
    audience: [GRAPH_APP_ID, ...GRAPH_IDENTIFIER_URIS, ...GRAPH_IDENTIFIER_URIS.map((uri) => `${uri}/`)],
    issuers: [{ issuer: 'https://sts.windows.net/{tenantid}/', kind: '1.0', keys }] as const,
    now,
  }
  const guard = createGuard(options)
  const unrevoked = createGuard(options)
  const judge: Guard['judge'] = (authorization, required) => {
    const again = (error: unknown) => {
      if (isPlainRevocation(error)) return unrevoked.judge(authorization, required)
      throw error
    }
    try {
      const judged = guard.judge(authorization, required)
      return judged instanceof Promise ? judged.catch(again) : judged
    } catch (error) {
      return again(error)
    }
  }
  return {
    admit: async (authorization, required) => judge(authorization, required),
    judge,
    revoke: (revocation) => guard.revoke(revocation),
  }
}

const isPlainRevocation = (error: unknown): boolean =>
  error instanceof GuardRefusal && error.code === 'token_revoked'
