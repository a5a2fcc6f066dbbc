import { randomUUID, X509Certificate } from 'node:crypto'
import type { Selectable } from 'kysely'
import { badRequest } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import { requireAllowedCredentials, type WantedCredential } from '../policy/credential-rules.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'

type Row = Selectable<Schema['key_credential']>

/** Whose certificates they are: an application's, or those of one of its service principals. */
export interface CredentialHolder {
  readonly applicationId: string
  readonly servicePrincipalId: string | null
}

const CREDENTIALS_MAX = 100
const KEY_BITS_MIN = 2048

/**
 * Reads the `keyCredentials` of an application: certificates alone, never a private key (wire.md §13.2).
 *
 * @throws GraphError 400 for anything that is not a certificate to verify with.
 */
export function keyCredentialRows(
  sent: unknown,
  applicationId: string,
  servicePrincipalId: string | null = null,
): Row[] {
  if (!Array.isArray(sent) || sent.length > CREDENTIALS_MAX)
    throw badRequest("Property 'keyCredentials' must be a list of at most 100.")
  const owner = { applicationId, servicePrincipalId }
  return sent.map((credential: unknown) => keyCredentialRow(bodyObject(credential), owner))
}

/** Reads one certificate to verify with. @throws GraphError 400 for anything else. */
export function keyCredentialRow(sent: Readonly<Record<string, unknown>>, owner: CredentialHolder): Row {
  const { type, usage, key, displayName } = sent
  if (type !== 'AsymmetricX509Cert' || usage !== 'Verify' || typeof key !== 'string') {
    throw badRequest(
      "A key credential needs type 'AsymmetricX509Cert', usage 'Verify' and a certificate as its key.",
    )
  }
  const certificate = parseCertificate(key)
  return {
    key_id: randomUUID(),
    application_id: owner.applicationId,
    service_principal_id: owner.servicePrincipalId,
    display_name: typeof displayName === 'string' ? displayName.slice(0, 256) : certificate.subject,
    thumbprint_sha1: certificate.fingerprint.replaceAll(':', ''),
    thumbprint_sha256: certificate.fingerprint256.replaceAll(':', ''),
    certificate: certificate.raw.toString('base64'),
    start_at_ms: Date.parse(certificate.validFrom),
    end_at_ms: Date.parse(certificate.validTo),
  }
}

function parseCertificate(key: string): X509Certificate {
  try {
    const certificate = new X509Certificate(Buffer.from(key, 'base64'))
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
    if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= KEY_BITS_MIN)
      return certificate
  } catch {
    // Falls through: what cannot be read is refused like what cannot be used.
  }
  throw badRequest(
    'The value of the key credential is not a DER certificate with an RSA key of at least ' +
      `${KEY_BITS_MIN} bits in base64.`,
  )
}

/** Replaces an owner's certificates, within the caller's transaction. Those sent with a known `keyId` and no key stay as they are. */
export async function replaceKeyCredentials(
  { db, tenantId }: { readonly db: Database; readonly tenantId: string },
  owner: CredentialHolder,
  sent: unknown,
): Promise<void> {
  if (!Array.isArray(sent)) throw badRequest("Property 'keyCredentials' must be a list.")
  const kept = sent.flatMap((credential: unknown) => {
    const { keyId, key } = bodyObject(credential)
    return typeof keyId === 'string' && (key === null || key === undefined) ? [keyId.toLowerCase()] : []
  })
  const added = sent.filter((credential: unknown) => typeof bodyObject(credential)['key'] === 'string')
  const signing = signingOf(db, owner)
  const registered = [
    ...(await keysOf(db, owner).select('key_id').execute()),
    ...(await signing.select('key_id').execute()),
  ]
  const known = kept.every((keyId) => registered.some((row) => row.key_id === keyId))
  if (!known || kept.length + added.length !== sent.length)
    throw badRequest('A key credential needs a key, or the keyId of one that is registered.')
  const rows = keyCredentialRows(added, owner.applicationId, owner.servicePrincipalId)
  const others = db
    .deleteFrom('key_credential')
    .where('application_id', '=', owner.applicationId)
    .where('service_principal_id', 'is not distinct from', owner.servicePrincipalId)
  await (kept.length === 0 ? others : others.where('key_id', 'not in', kept)).execute()
  // Certificates that sign tokens are in the same list, and go when they are not sent.
  await db
    .deleteFrom('token_signing_certificate')
    .where('service_principal_id', '=', owner.servicePrincipalId ?? '')
    .where('key_id', 'not in', ['', ...kept])
    .execute()
  const target = { tenantId, objectId: owner.servicePrincipalId ?? owner.applicationId }
  await requireAllowedCredentials(db, target, rows.map(asWanted))
  if (rows.length > 0) await db.insertInto('key_credential').values(rows).execute()
}

const signingOf = (db: Database, { servicePrincipalId }: CredentialHolder) =>
  db.selectFrom('token_signing_certificate').where('service_principal_id', '=', servicePrincipalId ?? '')

/** A certificate as the policies on credentials look at it. */
export const asWanted = (row: Row): WantedCredential => ({ ...row, type: 'key' })

/** Selects the certificates of one owner. */
export const keysOf = (db: Database, { applicationId, servicePrincipalId }: CredentialHolder) =>
  db
    .selectFrom('key_credential')
    .where('application_id', '=', applicationId)
    .where('service_principal_id', 'is not distinct from', servicePrincipalId)

/** Lists the certificates of an application or a service principal. */
export async function listKeyCredentials(db: Database, owner: CredentialHolder): Promise<readonly object[]> {
  const rows = await keysOf(db, owner).selectAll().execute()
  return rows.map(keyCredentialObject)
}

/** A certificate as the application object shows it: its public half's name and dates (wire.md §13.2). */
export function keyCredentialObject(
  row: Pick<Row, 'thumbprint_sha1' | 'display_name' | 'end_at_ms' | 'key_id' | 'start_at_ms'>,
): object {
  return {
    customKeyIdentifier: row.thumbprint_sha1,
    displayName: row.display_name,
    endDateTime: new Date(row.end_at_ms).toISOString(),
    key: null,
    keyId: row.key_id,
    startDateTime: new Date(row.start_at_ms).toISOString(),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
  }
}
