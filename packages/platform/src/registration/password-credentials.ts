import type { Selectable } from 'kysely'
import { badRequest } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import type { CredentialHolder } from './key-credentials.ts'

/** A client secret as it is kept. */
export type PasswordRow = Selectable<Schema['password_credential']>

const DISPLAY_NAME_MAX = 256
const VALID_YEARS = 2

/** Lists the secrets of an application or a service principal without their texts. */
export async function listPasswordCredentials(
  db: Database,
  owner: CredentialHolder,
): Promise<readonly object[]> {
  const rows = await passwordsOf(db, owner).selectAll().orderBy('start_at_ms').orderBy('key_id').execute()
  return rows.map(passwordCredentialObject)
}

/** Selects the secrets of one owner. */
export function passwordsOf(db: Database, owner: CredentialHolder) {
  return db
    .selectFrom('password_credential')
    .where('application_id', '=', owner.applicationId)
    .where('service_principal_id', 'is not distinct from', owner.servicePrincipalId)
}

/** A secret as its owner shows it: without its text (wire.md §13.2). */
export const passwordCredentialObject = (row: PasswordRow) => ({
  customKeyIdentifier: null,
  displayName: row.display_name,
  endDateTime: new Date(row.end_at_ms).toISOString(),
  hint: row.hint,
  keyId: row.key_id,
  secretText: null,
  startDateTime: new Date(row.start_at_ms).toISOString(),
})

const SETTABLE = ['displayName', 'startDateTime', 'endDateTime']

/** Reads what a new secret is to be called and when it is valid. @throws GraphError 400. */
export function wantedPassword(body: unknown, nowMs: number) {
  const { passwordCredential } = bodyObject(body ?? {})
  const sent = bodyObject(passwordCredential ?? {})
  // SDKs send the properties that the service sets as null.
  const other = Object.keys(sent).find((name) => !SETTABLE.includes(name) && sent[name] !== null)
  if (other !== undefined)
    throw badRequest(
      `Property '${other.slice(0, 100)}' cannot be set on type 'microsoft.graph.passwordCredential'.`,
    )
  const start = dateOf(sent['startDateTime'], 'startDateTime') ?? nowMs
  const end = dateOf(sent['endDateTime'], 'endDateTime') ?? yearsLater(start)
  if (end <= start) throw badRequest("Property 'endDateTime' must be later than 'startDateTime'.")
  return { display_name: displayNameOf(sent['displayName']), start_at_ms: start, end_at_ms: end }
}

function displayNameOf(value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && value.length <= DISPLAY_NAME_MAX) return value
  throw badRequest(`Property 'displayName' must be a text of at most ${DISPLAY_NAME_MAX} characters.`)
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/

function dateOf(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined
  const ms = typeof value === 'string' && DATE_TIME.test(value) ? Date.parse(value) : Number.NaN
  if (!Number.isNaN(ms)) return ms
  throw badRequest(`Property '${name}' must be a date and time with its offset, as 2026-09-21T14:00:00Z.`)
}

function yearsLater(ms: number): number {
  const date = new Date(ms)
  return date.setUTCFullYear(date.getUTCFullYear() + VALID_YEARS)
}
