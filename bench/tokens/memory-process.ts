// Fills one client with tokens in a process of its own and prints the bytes of heap per tenant beside the token itself.
import { env } from 'node:process'
import { msalNode, oursAt } from '../peers/clients.ts'
import { SCOPE, tenantId, trust } from './authority.ts'

const { BENCH_ORIGIN: origin = '', BENCH_CA: ca = '', BENCH_WAY: way = '', BENCH_TENANTS: count = '' } = env
const tenants = Array.from({ length: Number(count) }, (_, index) => tenantId(index))
trust(ca)

/** Everything that must stay alive until the heap is measured. */
const kept: unknown[] = []
const identity = oursAt({ origin, ca }, 'contoso.example')
kept.push(identity)

const ways: Readonly<Record<string, (tenant: string) => Promise<string>>> = {
  forTenant: async (tenant) => (await identity.forTenant(tenant).getToken(SCOPE)).token,
  option: async (tenant) => (await identity.getToken(SCOPE, { tenantId: tenant })).token,
  msal: async (tenant) => {
    const get = msalNode({ origin }, tenant)
    kept.push(get)
    return get()
  },
}
const getToken = ways[way]
if (getToken === undefined || globalThis.gc === undefined) throw new TypeError(`Cannot measure '${way}'`)

// The first tenants load code and open the connection, which is no tenant's own memory.
for (let number = 0; number < 20; number++) await getToken(tenantId(1_000_000 + number))
const beforeBytes = await usedBytes()
let tokenBytes = 0
for (const tenant of tenants) tokenBytes += (await getToken(tenant)).length
const bytes = (await usedBytes()) - beforeBytes - tokenBytes
process.stdout.write(`${JSON.stringify({ bytes: bytes / tenants.length, kept: kept.length })}\n`)
process.exit()

/** The heap after what nobody holds has gone; timers and sockets let go of theirs a little later. */
async function usedBytes(): Promise<number> {
  for (let times = 0; times < 4; times++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}
