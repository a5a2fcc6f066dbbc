import { badRequest } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'

/** How App ID URIs are compared: a resource is asked for in any case, with or without a slash at its end (wire.md §3). */
export const foldUri = (uri: string): string => uri.replace(/\/$/, '').toLowerCase()

/**
 * Refuses App ID URIs that another application has already: a token asked for by one name must not be for two APIs. Two
 * applications can meet in one tenant if they belong to it both, or if either is multi-tenant, as Graph is.
 *
 * @throws GraphError 400.
 */
export async function refuseTakenUris(db: Database, applicationId: string): Promise<void> {
  const rows = await db
    .selectFrom('application')
    .select(['id', 'tenant_id', 'sign_in_audience', 'identifier_uris'])
    .execute()
  const own = rows.find((row) => row.id === applicationId)
  if (!own) return
  const taken = rows
    .filter((row) => row !== own && (row.tenant_id === own.tenant_id || isShared(row) || isShared(own)))
    .flatMap(folded)
  const uris = folded(own)
  if (new Set(uris).size === uris.length && !uris.some((uri) => taken.includes(uri))) return
  throw badRequest('Another object with the same value for property identifierUris already exists.')
}

const isShared = (row: { readonly sign_in_audience: string }) =>
  row.sign_in_audience === 'AzureADMultipleOrgs'

const folded = (row: { readonly identifier_uris: string }) =>
  (JSON.parse(row.identifier_uris) as string[]).map(foldUri)
