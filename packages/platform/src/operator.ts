import { randomBytes, randomUUID, X509Certificate } from 'node:crypto'
import type { Now } from './clock.ts'
import { PlatformError } from './errors.ts'
import type { KeyFiles } from './key-files.ts'
import { hashPassword, verifyPassword } from './portal/password.ts'
import { keyCredentialRows } from './registration/key-credentials.ts'
import {
  GRAPH_APP_ID,
  GRAPH_IDENTIFIER_URIS,
  GRAPH_TENANT_ID,
  graphAppRoles,
} from './registration/graph-application.ts'
import { admitOperator, OPERATOR_REQUESTS, renewOperator } from './registration/operator-application.ts'
import { insertTenant } from './registration/tenant-creation.ts'
import type { Database } from './store/database.ts'
import { parseCertifiedKey } from './tls/certified-key-file.ts'
import { makeSelfSigned } from './tls/certificates.ts'

/** The first tenant of a new data folder. */
export interface FirstTenant {
  /** Its GUID. Default: a new one. */
  readonly id?: string | undefined
  readonly domain: string
  readonly displayName: string
}

/** The application through which the person at the terminal administers: ids, and the file with its key. */
export interface Operator {
  readonly tenantId: string
  readonly tenantDomain: string
  readonly clientId: string
  readonly certificateFile: string
}

const OPERATOR_FILE = 'operator.pem'
const OPERATOR_PURPOSE = 'operator application: certificate and key'
const PASSWORD_FILE = 'administrator-password'
const PASSWORD_PURPOSE = "administrator's password for the portal"
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

interface Start {
  readonly db: Database
  readonly keyFiles: KeyFiles
  readonly now: Now
  readonly tenant: FirstTenant
  /** The password that replaces the one that was made. */
  readonly administratorPassword?: string | undefined
}

/** Makes what a new data folder needs, once: Graph, a tenant, its administrator's password and the operator application. */
export async function ensureOperator(start: Start): Promise<Operator> {
  await ensureGraph(start)
  await ensureAdministrator(start)
  return (await readOperator(start)) ?? makeOperator(start)
}

/** Graph's roles may grow with a release, so they are written at every start. */
async function ensureGraph({ db, now }: Start): Promise<void> {
  const app_roles = JSON.stringify(graphAppRoles())
  await db
    .insertInto('application')
    .values({
      id: randomUUID(),
      app_id: GRAPH_APP_ID,
      tenant_id: GRAPH_TENANT_ID,
      display_name: 'Microsoft Graph',
      sign_in_audience: 'AzureADMultipleOrgs',
      identifier_uris: JSON.stringify(GRAPH_IDENTIFIER_URIS),
      app_roles,
      required_resource_access: '[]',
      requested_access_token_version: null,
      created_at_ms: now(),
    })
    .onConflict((conflict) => conflict.column('app_id').doUpdateSet({ app_roles }))
    .execute()
}

async function ensureAdministrator(start: Start): Promise<void> {
  const { db, keyFiles, administratorPassword } = start
  if (administratorPassword !== undefined)
    return chooseAdministratorPassword(db, administratorPassword.trim())
  const password = await keyFiles.ensure(
    PASSWORD_FILE,
    PASSWORD_PURPOSE,
    () => `${randomBytes(24).toString('base64url')}\n`,
  )
  const known = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', 'administrator_password')
    .executeTakeFirst()
  if (known) return
  const value = await hashPassword(password.trim())
  await db.insertInto('setting').values({ name: 'administrator_password', value }).execute()
}

/** Keeps the hash of a chosen password, and no file with it. */
async function chooseAdministratorPassword(db: Database, password: string): Promise<void> {
  const known = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', 'administrator_password')
    .executeTakeFirst()
  if (known && (await verifyPassword(password, known.value))) return
  const value = await hashPassword(password)
  await db
    .insertInto('setting')
    .values({ name: 'administrator_password', value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

async function readOperator({ db, keyFiles, now }: Start): Promise<Operator | undefined> {
  const row = await db
    .selectFrom('setting')
    .innerJoin('application', 'application.app_id', 'setting.value')
    .innerJoin('domain', 'domain.tenant_id', 'application.tenant_id')
    .select(['application.app_id', 'application.tenant_id', 'domain.name'])
    .where('setting.name', '=', 'operator')
    .where('domain.is_default', '=', 1)
    .executeTakeFirst()
  if (!row) return undefined
  await checkOperatorFile(keyFiles)
  await renewOperator(db, row.app_id, now())
  const certificateFile = keyFiles.path(OPERATOR_FILE)
  return { tenantId: row.tenant_id, tenantDomain: row.name, clientId: row.app_id, certificateFile }
}

const OPERATOR_HINT =
  'Restore it from a copy, or move the data folder away: the next start makes a new operator in a new directory'

/** The directory knows the operator by a certificate whose key is in this file alone. */
async function checkOperatorFile(keyFiles: KeyFiles): Promise<void> {
  const pem = await keyFiles.read(OPERATOR_FILE, OPERATOR_PURPOSE)
  if (pem !== undefined) return void parseOperator(pem, keyFiles)
  throw new PlatformError(
    `Cannot use the key file '${keyFiles.path(OPERATOR_FILE)}' (${OPERATOR_PURPOSE}), as the directory knows its certificate: the file is missing`,
    { code: 'key_file_missing', hint: OPERATOR_HINT },
  )
}

const parseOperator = (pem: string, keyFiles: KeyFiles) =>
  parseCertifiedKey(pem, {
    file: keyFiles.path(OPERATOR_FILE),
    purpose: OPERATOR_PURPOSE,
    hint: OPERATOR_HINT,
    authority: false,
  })

async function makeOperator({ db, keyFiles, now, tenant }: Start): Promise<Operator> {
  const nowMs = now()
  const pem = await keyFiles.ensure(OPERATOR_FILE, OPERATOR_PURPOSE, async () => {
    const made = await makeSelfSigned('tomte operator', {
      notBeforeMs: nowMs,
      notAfterMs: nowMs + 2 * YEAR_MS,
    })
    return `${made.certificate}\n${made.privateKey}\n`
  })
  const key = new X509Certificate(parseOperator(pem, keyFiles).certificate).raw.toString('base64')
  // One transaction: a start that is interrupted leaves either all of it or nothing.
  return db.transaction().execute(async (transaction) => {
    const tenantId = tenant.id ?? randomUUID()
    await insertTenant(transaction, { ...tenant, id: tenantId }, nowMs)
    const clientId = await insertApplication(transaction, tenantId, key, nowMs)
    await transaction.insertInto('setting').values({ name: 'operator', value: clientId }).execute()
    return { tenantId, tenantDomain: tenant.domain, clientId, certificateFile: keyFiles.path(OPERATOR_FILE) }
  })
}

/** Writes the operator application, its service principal beside Graph's, and its roles; returns its client id. */
async function insertApplication(
  db: Database,
  tenantId: string,
  key: string,
  nowMs: number,
): Promise<string> {
  const id = randomUUID()
  const appId = randomUUID()
  await db
    .insertInto('application')
    .values({
      id,
      app_id: appId,
      tenant_id: tenantId,
      display_name: 'tomte operator',
      sign_in_audience: 'AzureADMyOrg',
      identifier_uris: '[]',
      app_roles: '[]',
      required_resource_access: OPERATOR_REQUESTS,
      requested_access_token_version: null,
      created_at_ms: nowMs,
    })
    .execute()
  const certificates = keyCredentialRows([{ type: 'AsymmetricX509Cert', usage: 'Verify', key }], id)
  await db.insertInto('key_credential').values(certificates).execute()
  await admitOperator(db, { appId, tenantId }, nowMs)
  return appId
}
