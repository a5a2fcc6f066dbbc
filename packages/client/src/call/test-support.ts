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
) {
  const calls: Received[] = []
  const server = await scriptedServer(t, (request, number) => {
    if (isTokenRequest(request)) return tokenAnswer(`token-${number}`)
    calls.push(request)
    return answer(request, calls.length)
  })
  const { origin, ca } = server
  const identity = identityAt(server)
  const clock = manualClock()
  const baseUrl = `${origin}/v1`
  const orders = api(identity, { baseUrl, scope: SCOPE, ca, clock, random: () => 0, ...options })
  return { orders, calls, origin, identity, server, clock }
}
