import { rm } from 'node:fs/promises'
import { GRAPH_APP_ID, GRAPH_ROLES, GRAPH_TENANT_ID } from '../registration/graph-application.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { temporaryFolder } from '../test-support.ts'
import { seedState } from './seed.ts'
import { readStateFile } from './state-file.ts'

const NOW_MS = Date.UTC(2026, 8, 21)
export const TENANT = '11111111-aaaa-4aaa-8aaa-000000000001'
export const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'
export const SHORT_SECRET = 'short'

let open: { readonly database: Database; readonly folder: string }[] = []

/** Closes the databases that were opened, and removes their folders. */
export async function closeDatabases(): Promise<void> {
  for (const { database, folder } of open) {
    await database.destroy()
    await rm(folder, { recursive: true, force: true })
  }
  open = []
}

/** A database with nothing but Graph in it, as every start makes it. */
export async function emptyDatabase(): Promise<Database> {
  const folder = await temporaryFolder()
  const database = await openDatabase(folder)
  open.push({ database, folder })
  await database
    .insertInto('application')
    .values({
      id: '33333333-cccc-4ccc-8ccc-000000000003',
      app_id: GRAPH_APP_ID,
      tenant_id: GRAPH_TENANT_ID,
      display_name: 'Microsoft Graph',
      sign_in_audience: 'AzureADMultipleOrgs',
      identifier_uris: '[]',
      app_roles: '[]',
      required_resource_access: '[]',
      requested_access_token_version: null,
      created_at_ms: NOW_MS,
    })
    .execute()
  return database
}

/** Seeds a database with a state file. */
export const seed = (database: Database, file: unknown, environment: Record<string, string> = {}) =>
  seedState({ db: database, nowMs: NOW_MS, environment }, readStateFile(file))

/** A small state, with changes to its only tenant and application. */
export const state = (application: object = {}, tenant: object = {}) => ({
  version: 1,
  tenants: [
    {
      id: TENANT,
      displayName: 'Contoso',
      domains: ['contoso.example', 'contoso.test'],
      applications: [{ appId: CLIENT, displayName: 'nightly-sync', ...application }],
      servicePrincipals: [{ appId: CLIENT }],
      assignments: [{ principal: CLIENT, resource: GRAPH_APP_ID, role: GRAPH_ROLES['User.Read.All'].id }],
      ...tenant,
    },
  ],
})
