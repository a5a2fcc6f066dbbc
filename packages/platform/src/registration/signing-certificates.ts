import type { Selectable } from 'kysely'
import { badRequest } from '../graph/errors.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { keyCredentialObject } from './key-credentials.ts'

type Row = Selectable<Schema['token_signing_certificate']>

/** The token signing certificates of service principals. */
export const certificatesOf = (db: Database, principalIds: readonly string[]): Promise<readonly Row[]> =>
  db
    .selectFrom('token_signing_certificate')
    .selectAll()
    .where('service_principal_id', 'in', ['', ...principalIds])
    .orderBy('key_id')
    .execute()

/** A token signing certificate as `keyCredentials` of its service principal show it. */
export const signingCertificateObject = (row: Row): object => ({ ...keyCredentialObject(row), usage: 'Sign' })

/** Reads `preferredTokenSigningKeyThumbprint`: one of its own certificates, or nothing for the platform's key. @throws GraphError 400. */
export async function preferredThumbprint(
  db: Database,
  principalId: string,
  sent: unknown,
): Promise<string | null> {
  if (sent === null) return null
  const wanted = typeof sent === 'string' ? sent.toUpperCase() : ''
  const rows = await certificatesOf(db, [principalId])
  if (rows.some((row) => row.thumbprint_sha1 === wanted)) return wanted
  throw badRequest(
    "Property 'preferredTokenSigningKeyThumbprint' must be the thumbprint of a token signing certificate of this service principal.",
  )
}
