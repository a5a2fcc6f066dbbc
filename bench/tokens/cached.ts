// A token that is cached already: what every call to an API pays.
import { randomInt } from 'node:crypto'
import type { AppIdentity } from '@tomte/client/tokens'
import { bareMap, lastingMap } from '../floors/map.ts'
import { azureIdentity, msalNode, oursAt } from '../peers/clients.ts'
import { type Row, row } from '../row.ts'
import { SCOPE, type ScriptedAuthority, tenantId } from './authority.ts'
import { interleaved, repeat } from './rounds.ts'

const ROUNDS = 21
const CALLS = 20_000
const PEER_CALLS = 1_000

/** One tenant: ours, the floors and the peers, microseconds a call. */
export async function cachedOne(authority: ScriptedAuthority): Promise<Row[]> {
  const tenant = tenantId(0)
  const identity = oursAt(authority, tenant)
  const { token } = await identity.getToken(SCOPE)
  const tokens = new Map([[tenant, token]])
  const [bare, lasting] = [bareMap(tokens), lastingMap(tokens)]
  const [msal, azure] = [msalNode(authority, tenant), azureIdentity(authority, tenant)]
  await Promise.all([msal(), azure()])
  const ms = await interleaved(ROUNDS, {
    ours: repeat(CALLS, () => identity.getToken(SCOPE)),
    bare: repeat(CALLS, () => bare(tenant)),
    lasting: repeat(CALLS, () => lasting(tenant)),
    msal: repeat(PEER_CALLS, msal),
    azure: repeat(PEER_CALLS, azure),
  })
  const what = 'cached token, 1 tenant'
  const speed = { what, ours: (CALLS / ms.ours) * 1000, unit: 'calls/s' }
  const peer = (millis: number) => (PEER_CALLS / millis) * 1000
  const cost = { what, ours: each(ms.ours), unit: 'µs', goal: '<= 3' }
  return [
    row({ ...cost, theirs: each(ms.bare), against: 'bare Map in an async function' }),
    row({ ...cost, theirs: each(ms.lasting), against: 'Map that checks expiry' }),
    row({ ...speed, theirs: peer(ms.msal), against: 'msal-node', goal: '>= 15' }),
    row({ ...speed, theirs: peer(ms.azure), against: '@azure/identity', goal: '>= 15' }),
  ]
}

/** A random one of many tenants, all filled before, in the two ways that a user names one. */
export async function cachedMany(identity: AppIdentity, tokens: ReadonlyMap<string, string>): Promise<Row[]> {
  const tenants = [...tokens.keys()]
  const order = Array.from({ length: CALLS }, () => tenants[randomInt(tenants.length)] ?? '')
  const tenantAt = (index: number) => order[index] ?? ''
  const [bare, lasting] = [bareMap(tokens), lastingMap(tokens)]
  const before = identity.tokenRequests
  const ms = await interleaved(ROUNDS, {
    forTenant: repeat(CALLS, (index) => identity.forTenant(tenantAt(index)).getToken(SCOPE)),
    option: repeat(CALLS, (index) => identity.getToken(SCOPE, { tenantId: tenantAt(index) })),
    bare: repeat(CALLS, (index) => bare(tenantAt(index))),
    lasting: repeat(CALLS, (index) => lasting(tenantAt(index))),
  })
  if (identity.tokenRequests !== before) throw new Error('Cannot measure: a token was not cached')
  const shared = { unit: 'µs', goal: '<= 3' }
  const named = (theirs: number, against: string) => [
    row({ ...shared, what: `${MANY}, forTenant(id)`, ours: each(ms.forTenant), theirs, against }),
    row({ ...shared, what: `${MANY}, { tenantId }`, ours: each(ms.option), theirs, against }),
  ]
  return [
    ...named(each(ms.bare), 'bare Map in an async function'),
    ...named(each(ms.lasting), 'Map that checks expiry'),
  ]
}

const MANY = 'cached token, random of 10,000 tenants'

/** Microseconds a call. */
const each = (ms: number) => (ms / CALLS) * 1000
