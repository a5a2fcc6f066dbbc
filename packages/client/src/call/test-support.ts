import {
  type Answer,
  identityAt,
  isTokenRequest,
  manualClock,
  type Received,
  scriptedServer,
  tokenAnswer,
} from '../test-support.ts'
import { api, type ApiOptions } from './api.ts'

export const SCOPE = 'api://orders/.default'

/** An API behind an authority of its own; `calls` are the requests it received, without those for tokens. */
export async function scriptedApi(
  t: Parameters<typeof scriptedServer>[0],
  answer: (request: Received, number: number) => Answer,
  options: Partial<ApiOptions> = {},
  tokenOf = (number: number) => `token-${number}`,
  alsoTrusted = '',
) {
  const calls: Received[] = []
  const server = await scriptedServer(t, (request, number) => {
    if (isTokenRequest(request)) return tokenAnswer(tokenOf(number))
    calls.push(request)
    return answer(request, calls.length)
  })
  const { origin, ca } = server
  const identity = identityAt(server)
  const clock = manualClock()
  const baseUrl = `${origin}/v1`
  const orders = api(identity, {
    baseUrl,
    scope: SCOPE,
    ca: ca + alsoTrusted,
    clock,
    random: () => 0,
    ...options,
  })
  return { orders, calls, origin, identity, server, clock }
}

/** A token as an API would read it, with these roles; its signature is nobody's. */
export function tokenWith(roles: readonly string[]): string {
  const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part({ roles })}.c2ln`
}
