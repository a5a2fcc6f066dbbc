import { GraphError } from '../graph/errors.ts'
import { keepSecret, matchesSecret, matchesShortSecret } from '../registration/client-secret.ts'
import { keyCredentialRow } from '../registration/key-credentials.ts'
import type { Database } from '../store/database.ts'
import { idOf, type Parent, type SeedContext, textIn } from './seed-context.ts'
import type { Entry } from './shape.ts'

const YEARS_2_MS = 2 * 365 * 24 * 60 * 60 * 1000

/** The columns by which a credential belongs to an application, or to one service principal of it. */
async function holderOf(db: Database, { id, appId }: Parent, ofPrincipal: boolean) {
  if (!ofPrincipal) return { applicationId: id, servicePrincipalId: null }
  const row = await db.selectFrom('application').select('id').where('app_id', '=', appId).executeTakeFirst()
  return { applicationId: row?.id ?? '', servicePrincipalId: id }
}

/** Writes a certificate: its public half is all that there is. */
export async function insertCertificate(
  { db, faults }: SeedContext,
  entry: Entry,
  path: string,
  parent: Parent,
  ofPrincipal = false,
): Promise<void> {
  const holder = await holderOf(db, parent, ofPrincipal)
  const key = textIn(entry, 'certificate')
  const displayName = entry['displayName']
  try {
    const row = keyCredentialRow({ type: 'AsymmetricX509Cert', usage: 'Verify', key, displayName }, holder)
    const stated = displayName === undefined ? {} : { display_name: displayName as string | null }
    await db
      .insertInto('key_credential')
      .values({ ...row, ...stated, key_id: idOf(entry, 'keyId') })
      .execute()
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    faults.push(`${path}.certificate: a DER certificate of an RSA key in base64 is needed`)
  }
}

/** The text that an entry states, itself or by a variable of the environment. */
function secretTextOf({ environment }: SeedContext, entry: Entry): string | undefined {
  const variable = entry['secretEnv']
  if (typeof variable === 'string') return environment[variable]
  return typeof entry['secretText'] === 'string' ? entry['secretText'] : undefined
}

/** Writes a secret. One without its text, as an export has it, is listed with its dates and opens nothing. */
export async function insertSecret(
  context: SeedContext,
  entry: Entry,
  path: string,
  parent: Parent,
  ofPrincipal = false,
): Promise<void> {
  const { db, nowMs, faults } = context
  const holder = await holderOf(db, parent, ofPrincipal)
  const secret = secretTextOf(context, entry)
  if (secret === undefined && entry['secretEnv'] !== undefined)
    return void faults.push(`${path}.secretEnv: the environment has no such variable`)
  const start = entry['startDateTime'] === undefined ? nowMs : Date.parse(textIn(entry, 'startDateTime'))
  const end =
    entry['endDateTime'] === undefined ? start + YEARS_2_MS : Date.parse(textIn(entry, 'endDateTime'))
  if (end <= start) return void faults.push(`${path}.endDateTime: it must be later than startDateTime`)
  const kept = secret === undefined ? { hint: textIn(entry, 'hint'), hash: '' } : await keepSecret(secret)
  await db
    .insertInto('password_credential')
    .values({
      key_id: idOf(entry, 'keyId'),
      application_id: holder.applicationId,
      service_principal_id: holder.servicePrincipalId,
      display_name: (entry['displayName'] as string | null | undefined) ?? null,
      hint: kept.hint,
      secret_hash: kept.hash,
      start_at_ms: start,
      end_at_ms: end,
    })
    .execute()
}

/** Whether the secret of this `keyId` is another than the file states. */
export async function secretDiffers(context: SeedContext, entry: Entry, existing: Entry): Promise<boolean> {
  const secret = secretTextOf(context, entry)
  if (secret === undefined) return false
  const rows = await context.db
    .selectFrom('password_credential')
    .select('secret_hash')
    .where('key_id', '=', textIn(existing, 'keyId'))
    .execute()
  const matching = [...matchesSecret(secret, rows), ...(await matchesShortSecret(secret, rows))]
  return matching.length === 0
}

/** Writes a federated credential. */
export async function insertTrust(
  { db }: SeedContext,
  entry: Entry,
  _path: string,
  parent: Parent,
): Promise<void> {
  await db
    .insertInto('federated_credential')
    .values({
      id: idOf(entry),
      application_id: parent.id,
      name: textIn(entry, 'name'),
      issuer: textIn(entry, 'issuer'),
      subject: textIn(entry, 'subject'),
      audience: textIn(entry, 'audience'),
      description: (entry['description'] as string | null | undefined) ?? null,
    })
    .execute()
}
