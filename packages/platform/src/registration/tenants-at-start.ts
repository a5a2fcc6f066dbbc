import type { Now } from '../clock.ts'
import { PlatformError } from '../errors.ts'
import { GraphError } from '../graph/errors.ts'
import type { KeyFiles } from '../key-files.ts'
import { makePassword } from '../portal/accounts.ts'
import type { Database } from '../store/database.ts'
import { createTenant, type TenantSeed } from './tenant-creation.ts'
import { canNameTenant, findTenant } from './tenants.ts'

interface Start {
  readonly db: Database
  readonly keyFiles: KeyFiles
  readonly now: Now
}

/**
 * Makes the tenants that are not there yet, by their domains. A password that no seed states is made, and kept in the folder of
 * the key files as `portal-` and the user name; one that a seed states is in no file.
 *
 * @throws PlatformError `tenant_invalid` for a tenant that cannot be made.
 */
export async function ensureTenants(
  { db, keyFiles, now }: Start,
  seeds: readonly TenantSeed[],
): Promise<void> {
  for (const seed of seeds) {
    if (canNameTenant(seed.domain) && (await findTenant(db, seed.domain))) continue
    const accounts = await Promise.all(
      (seed.accounts ?? []).map(async (account) => ({
        ...account,
        password: account.password ?? (await keptPassword(keyFiles, account.userName)),
      })),
    )
    await createTenant(db, { ...seed, accounts }, now()).catch((error: unknown) => {
      throw error instanceof GraphError ? tenantInvalid(seed, error) : error
    })
  }
}

async function keptPassword(keyFiles: KeyFiles, userName: string): Promise<string> {
  // The name of a user becomes the name of a file.
  const name = `portal-${userName.toLowerCase().replaceAll(/[^\w.@-]/g, '_')}`
  const text = await keyFiles.ensure(
    name,
    `password of ${userName} for the portal`,
    () => `${makePassword()}\n`,
  )
  return text.trim()
}

const tenantInvalid = ({ domain }: TenantSeed, cause: GraphError) =>
  new PlatformError(`Cannot make the tenant '${domain.slice(0, 300)}': ${cause.message}`, {
    code: 'tenant_invalid',
    hint: 'Correct the tenant, its domains and accounts: nothing of it was written',
  })
