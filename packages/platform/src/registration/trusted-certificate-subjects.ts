import { badRequest } from '../graph/errors.ts'
import { CERTIFICATE_AUTHORITIES } from '../policy/certificate-authorities.ts'
import type { Database } from '../store/database.ts'

/** A subject name whose certificates prove an application, if this authority vouches for them (wire.md §4). */
export interface TrustedCertificateSubject {
  /** The id of a `certificateBasedApplicationConfiguration` of the application's home tenant. */
  readonly authorityId: string
  /** The common name, or a DNS name, of the certificate. */
  readonly subjectName: string
  /** Thumbprints or serial numbers of certificates that are not accepted any more, in hex. */
  readonly revokedCertificateIdentifiers?: readonly string[] | null
}

/** The trusted subjects in an application's stored properties. */
export const trustedSubjectsIn = (properties: string): readonly TrustedCertificateSubject[] =>
  (JSON.parse(properties) as { readonly trustedCertificateSubjects?: readonly TrustedCertificateSubject[] })
    .trustedCertificateSubjects ?? []

/** Refuses a subject whose authority is not among those of the tenant: nothing would be trusted, and nobody told. @throws GraphError 400. */
export async function refuseUnknownAuthorities(
  db: Database,
  tenantId: string,
  properties: string | undefined,
): Promise<void> {
  if (properties === undefined) return
  for (const { authorityId } of trustedSubjectsIn(properties)) {
    const known = await db
      .selectFrom('policy')
      .select('id')
      .where('tenant_id', '=', tenantId)
      .where('kind', '=', CERTIFICATE_AUTHORITIES)
      .where('id', '=', authorityId.toLowerCase())
      .executeTakeFirst()
    if (!known)
      throw badRequest(
        `The authorityId '${authorityId}' of a trusted certificate subject is no certificateBasedApplicationConfiguration of this tenant.`,
      )
  }
}

/** Whether an application of the tenant trusts an authority, which then cannot be deleted. */
export async function isAuthorityUsed(db: Database, tenantId: string, authorityId: string): Promise<boolean> {
  const rows = await db
    .selectFrom('application')
    .select('properties')
    .where('tenant_id', '=', tenantId)
    .where('properties', 'like', '%"trustedCertificateSubjects"%')
    .execute()
  return rows.some(({ properties }) =>
    trustedSubjectsIn(properties).some((subject) => subject.authorityId.toLowerCase() === authorityId),
  )
}
