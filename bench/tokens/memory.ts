// Heap per cached tenant beside the token's own bytes, after garbage collection, 10,000 tenants.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Row, row } from '../row.ts'
import type { ScriptedAuthority } from './authority.ts'
import { TENANTS } from './fill.ts'

const LIMIT_BYTES = 1000

export async function memory({ origin, ca }: ScriptedAuthority): Promise<Row[]> {
  const bytes = async (way: string) => {
    const program = join(import.meta.dirname, 'memory-process.ts')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--conditions=@tomte/source', program],
      {
        env: {
          ...process.env,
          BENCH_ORIGIN: origin,
          BENCH_CA: ca,
          BENCH_WAY: way,
          BENCH_TENANTS: `${TENANTS}`,
        },
      },
    )
    return Number((JSON.parse(stdout) as { bytes: number }).bytes)
  }
  const shared = { theirs: LIMIT_BYTES, against: 'limit', unit: 'bytes', goal: `<= ${LIMIT_BYTES}` }
  const ours = await bytes('forTenant')
  const what = 'memory per cached tenant beside its token'
  return [
    row({ ...shared, what: `${what}, forTenant(id)`, ours }),
    row({ ...shared, what: `${what}, { tenantId }`, ours: await bytes('option') }),
    row({ what, ours, theirs: await bytes('msal'), against: 'msal-node', unit: 'bytes', goal: '<= 1' }),
  ]
}
