// What it costs to get a token and to keep it: ours beside Microsoft's libraries, openid-client, and the least that does
// the same work. Every part interleaves its sides, so that what else the machine does falls on all.
import { oursAt } from './peers/clients.ts'
import type { BenchResult, Row } from './row.ts'
import { assertion } from './tokens/assertion.ts'
import { type ScriptedAuthority, startAuthority, tenantId } from './tokens/authority.ts'
import { cold, pastRenewal } from './tokens/burst.ts'
import { cachedMany, cachedOne } from './tokens/cached.ts'
import { fill } from './tokens/fill.ts'
import { freshProcess } from './tokens/fresh-process.ts'
import { memory } from './tokens/memory.ts'
import { outage } from './tokens/outage.ts'
import { installPacked, size } from './tokens/packed.ts'

export async function bench(): Promise<BenchResult> {
  const authority = await startAuthority()
  try {
    return { bench: 'tokens', rows: await measure(authority) }
  } finally {
    await authority.stop()
  }
}

async function measure(authority: ScriptedAuthority): Promise<Row[]> {
  // A token that is in memory, for the one tenant of most programs.
  const rows = await cachedOne(authority)
  const identity = oursAt(authority, tenantId(0xffff_ffff))
  // The first token of each of 10,000 tenants; the filled cache is what the next rows read.
  const filled = await fill(authority, identity)
  // A token that is in memory, for any of 10,000 tenants.
  rows.push(...(await cachedMany(identity, filled.tokens)), ...filled.rows)
  // How often the authority is asked when 1,000 callers come at once: with no token, and with one that is due.
  rows.push(...(await cold(authority)), ...(await pastRenewal(authority)))
  await authority.control()
  // What 10,000 tenants cost in memory, beside the tokens themselves.
  rows.push(...(await memory(authority)))
  // Whether callers notice an authority that is down while their tokens are good.
  rows.push(...(await outage(authority)))
  // What the proof by certificate costs over its signature.
  rows.push(...(await assertion()))
  const packed = await installPacked()
  try {
    // What a program pays at its start, and what its folder grows by.
    rows.push(...(await freshProcess(authority, packed.folder)), ...(await size(packed.folder)))
  } finally {
    await packed.remove()
  }
  return rows
}
