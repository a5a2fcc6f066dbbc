import type { Database } from '../store/database.ts'
import { keyCredentialObject } from './key-credentials.ts'
import { passwordCredentialObject } from './password-credentials.ts'
import { certificatesOf, signingCertificateObject } from './signing-certificates.ts'
import type { ServicePrincipal } from './service-principals.ts'

/** Service principals as Graph shows them: with the credentials that are theirs, and none of their applications'. */
export async function withCredentials(
  db: Database,
  principals: readonly ServicePrincipal[],
): Promise<readonly object[]> {
  const ids = principals.map(({ id }) => id)
  const keys = await db
    .selectFrom('key_credential')
    .selectAll()
    .where('service_principal_id', 'in', ids)
    .execute()
  const passwords = await db
    .selectFrom('password_credential')
    .selectAll()
    .where('service_principal_id', 'in', ids)
    .execute()
  const signing = await certificatesOf(db, ids)
  return principals.map(({ id, object }) => ({
    ...object,
    keyCredentials: [
      ...keys.filter((row) => row.service_principal_id === id).map(keyCredentialObject),
      ...signing.filter((row) => row.service_principal_id === id).map(signingCertificateObject),
    ],
    passwordCredentials: passwords
      .filter((row) => row.service_principal_id === id)
      .map(passwordCredentialObject),
  }))
}
