// What is registered at the platform: one daemon and one API for most rows, and a hundred thousand of them for the others.
import { createHash, randomBytes, randomUUID, X509Certificate } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { GRAPH_APP_ID } from '../../packages/platform/src/registration/graph-application.ts'
import { type CertifiedKey, makeSelfSigned } from '../../packages/platform/src/tls/certificates.ts'
import { startPlatform } from '@tomte/platform'

export const TENANT = '11111111-aaaa-4aaa-8aaa-000000000001'
export const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'
const API = '55555555-eeee-4eee-8eee-000000000005'
const ROLE = '66666666-ffff-4fff-8fff-000000000006'
export const RESOURCE = 'api://orders'

const TENANTS = 1000
const APPLICATIONS = 100_000
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** Data folders of platforms, and what a client needs to get a token from each. */
export interface Registered {
  readonly secret: string
  readonly key: CertifiedKey
  /** One daemon, one API. */
  readonly one: string
  /** A copy of it. */
  readonly other: string
  /** The same, with 1,000 tenants and 100,000 daemons, each of which may call the API in its tenant. */
  readonly many: string
  readonly daemons: readonly Daemon[]
  remove(): Promise<void>
}

export interface Daemon {
  readonly tenantId: string
  readonly clientId: string
}

export async function register(nowMs: number): Promise<Registered> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-bench-'))
  const secret = randomBytes(36).toString('base64url')
  const key = await makeSelfSigned('bench', { notBeforeMs: nowMs - 1000, notAfterMs: nowMs + YEAR_MS })
  const one = join(folder, 'one')
  const state = stateOf(key)
  const seed = { state, environment: { BENCH_SECRET: secret } }
  await (await startPlatform({ dataFolder: one, port: 0, seed })).close()
  const [other, many] = [join(folder, 'other'), join(folder, 'many')]
  for (const copy of [other, many]) await cp(one, copy, { recursive: true })
  const daemons = registerMany(join(many, 'platform.db'), secret, nowMs)
  return {
    secret,
    key,
    one,
    other,
    many,
    daemons,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

const stateOf = ({ certificate }: CertifiedKey) => ({
  version: 1,
  tenants: [
    {
      id: TENANT,
      displayName: 'Contoso',
      domains: ['contoso.example'],
      applications: [
        {
          appId: CLIENT,
          displayName: 'nightly-sync',
          secrets: [{ displayName: 'bench', secretEnv: 'BENCH_SECRET' }],
          certificates: [{ certificate: new X509Certificate(certificate).raw.toString('base64') }],
        },
        {
          appId: API,
          displayName: 'Orders',
          signInAudience: 'AzureADMultipleOrgs',
          identifierUris: [RESOURCE],
          requestedAccessTokenVersion: 2,
          appRoles: [
            {
              id: ROLE,
              value: 'Orders.Read.All',
              displayName: 'Read orders',
              description: 'Read orders',
              allowedMemberTypes: ['Application'],
              isEnabled: true,
            },
          ],
        },
      ],
      servicePrincipals: [{ appId: CLIENT }, { appId: API }],
      assignments: [{ principal: CLIENT, resource: API, role: ROLE }],
    },
  ],
})

/** Written straight into the database, as a hundred thousand requests would take longer than the bench. */
function registerMany(file: string, secret: string, nowMs: number): readonly Daemon[] {
  const db = new DatabaseSync(file)
  db.exec('BEGIN')
  const put = inserter(db)
  const hash = createHash('sha256').update(secret).digest('base64url')
  const times = { start_at_ms: nowMs - 1000, end_at_ms: nowMs + YEAR_MS }
  const daemons: Daemon[] = []
  for (let number = 1; number <= TENANTS; number++) {
    const tenantId = number === 1 ? TENANT : randomUUID()
    const made = { tenant_id: tenantId, created_at_ms: nowMs }
    if (number > 1) {
      put('tenant', { id: tenantId, display_name: `Tenant ${number}`, created_at_ms: nowMs })
      put('domain', { name: `tenant-${number}.example`, tenant_id: tenantId, is_default: 1 })
      for (const app_id of [API, GRAPH_APP_ID]) put('service_principal', principal(app_id, made))
    }
    const { id: resource_id } = db
      .prepare('select id from service_principal where tenant_id = ? and app_id = ?')
      .get(tenantId, API) as { id: string }
    for (let each = 0; each < APPLICATIONS / TENANTS; each++) {
      const [application_id, clientId] = [randomUUID(), randomUUID()]
      put('application', { ...APPLICATION, id: application_id, app_id: clientId, ...made })
      put('password_credential', {
        key_id: randomUUID(),
        application_id,
        hint: '',
        secret_hash: hash,
        ...times,
      })
      const daemon = principal(clientId, made)
      put('service_principal', daemon)
      const role = { principal_id: daemon.id, resource_id, app_role_id: ROLE }
      put('app_role_assignment', { id: randomUUID(), ...role, ...made })
      daemons.push({ tenantId, clientId })
    }
  }
  db.exec('COMMIT')
  db.close()
  return daemons
}

const APPLICATION = {
  display_name: 'nightly-sync',
  sign_in_audience: 'AzureADMyOrg',
  identifier_uris: '[]',
  app_roles: '[]',
  required_resource_access: '[]',
}

const principal = (app_id: string, made: Values) => ({
  id: randomUUID(),
  app_id,
  account_enabled: 1,
  app_role_assignment_required: 0,
  ...made,
})

type Values = Readonly<Record<string, string | number>>

/** Writes rows with one kept statement for each table. */
function inserter(db: DatabaseSync): (table: string, values: Values) => void {
  const kept = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  return (table, values) => {
    const names = Object.keys(values)
    const text = `insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`
    const statement = kept.get(table) ?? db.prepare(text)
    kept.set(table, statement)
    statement.run(...Object.values(values))
  }
}
