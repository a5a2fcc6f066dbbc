// A thousand callers at once, with nothing cached, and with a token past its renewal point.
import { setTimeout as sleep } from 'node:timers/promises'
import { azureIdentity, type GetToken, msalNode, openidClient, ours } from '../peers/clients.ts'
import { type Row, row } from '../row.ts'
import { type ScriptedAuthority, tenantId } from './authority.ts'

const CALLERS = 1_000
const DELAY_MS = 50
// A fifth of what the endpoint takes: whoever resolves within it has not waited for it.
const NOBODY_WAITS_MS = 10
const REFRESH_IN_SECONDS = 1
// The peers count in whole seconds, and renew only when more of them have passed.
const PAST_RENEWAL_MS = 2_500

interface Burst {
  readonly requests: number
  /** How long the caller who waited longest has waited. */
  readonly longestMs: number
}

type Make = (authority: ScriptedAuthority, tenant: string) => GetToken

export async function cold(authority: ScriptedAuthority): Promise<Row[]> {
  const burst = async (make: Make) => callAtOnce(authority, make(authority, tenantId(1)))
  const mine = await burst(ours)
  const shared = { what: '1,000 callers at once, cold', ours: mine.requests, unit: 'requests', goal: '<= 1' }
  const rows = [row({ ...shared, theirs: 1, against: 'limit' })]
  const peers = { 'msal-node': msalNode, '@azure/identity': azureIdentity, 'openid-client': openidClient }
  for (const [against, make] of Object.entries(peers)) {
    rows.push(row({ ...shared, theirs: (await burst(make)).requests, against }))
  }
  return rows
}

export async function pastRenewal(authority: ScriptedAuthority): Promise<Row[]> {
  const burst = async (make: Make) => {
    const get = make(authority, tenantId(2))
    await authority.control({ refreshIn: REFRESH_IN_SECONDS })
    await get()
    await sleep(PAST_RENEWAL_MS)
    return callAtOnce(authority, get)
  }
  const mine = await burst(ours)
  const peers = { 'msal-node': await burst(msalNode), '@azure/identity': await burst(azureIdentity) }
  const what = '1,000 callers at once, past renewal'
  const requests = { what, ours: mine.requests, unit: 'requests', goal: '<= 1' }
  const wait = { what: `${what}, longest wait`, ours: mine.longestMs, unit: 'ms' }
  return [
    row({ ...requests, theirs: 1, against: 'limit' }),
    ...Object.entries(peers).map(([against, { requests: theirs }]) => row({ ...requests, theirs, against })),
    row({ ...wait, theirs: NOBODY_WAITS_MS, against: 'limit', goal: `<= ${NOBODY_WAITS_MS}` }),
    ...Object.entries(peers).map(([against, { longestMs }]) =>
      row({ ...wait, theirs: longestMs, against, goal: '<= 1' }),
    ),
  ]
}

async function callAtOnce(authority: ScriptedAuthority, get: GetToken): Promise<Burst> {
  await authority.control({ delayMs: DELAY_MS })
  const waits = await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      const startMs = performance.now()
      await get()
      return performance.now() - startMs
    }),
  )
  // Requests in the background arrive after their callers have gone.
  await sleep(DELAY_MS * 4)
  return { requests: await authority.control(), longestMs: Math.max(...waits) }
}
