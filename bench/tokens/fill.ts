// The first token of each of 10,000 tenants, one after another, against the same requests made bare. In slices, in turn, so
// that what else the machine does falls on both.
import type { AppIdentity } from '@tomte/client/tokens'
import { bareClient, parseToken } from '../floors/bare-request.ts'
import { type Row, row } from '../row.ts'
import { CLIENT, SCOPE, SECRET, type ScriptedAuthority, tenantId } from './authority.ts'
import { interleaved } from './rounds.ts'

export const TENANTS = 10_000
const SLICES = 40

export async function fill(
  authority: ScriptedAuthority,
  identity: AppIdentity,
): Promise<{ rows: Row[]; tokens: ReadonlyMap<string, string> }> {
  const tokens = new Map<string, string>()
  const post = bareClient(authority.ca)
  const slice = (round: number) =>
    Array.from({ length: TENANTS / SLICES }, (_, index) => tenantId(round * (TENANTS / SLICES) + index))
  const ms = await interleaved(SLICES, {
    ours: async (round) => {
      for (const tenant of slice(round)) await identity.forTenant(tenant).getToken(SCOPE)
    },
    bare: async (round) => {
      for (const tenant of slice(round)) tokens.set(tenant, await bareToken(authority, post, tenant))
    },
  })
  const each = (millis: number) => (millis / (TENANTS / SLICES)) * 1000
  const shared = { unit: 'µs', against: 'bare requests', goal: '<= 1.2' }
  const what = 'filling 10,000 tenants, each'
  return { tokens, rows: [row({ ...shared, what, ours: each(ms.ours), theirs: each(ms.bare) })] }
}

/** One request made bare, with the same form. */
export async function bareToken(
  { origin }: Pick<ScriptedAuthority, 'origin'>,
  post: ReturnType<typeof bareClient>,
  tenant: string,
): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: CLIENT,
    scope: SCOPE,
    client_secret: SECRET,
  })
  return parseToken(await post(`${origin}/${tenant}/oauth2/v2.0/token`, form.toString()))
}
