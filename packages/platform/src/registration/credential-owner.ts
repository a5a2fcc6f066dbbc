import { findApplication } from './applications.ts'
import type { CredentialHolder } from './key-credentials.ts'
import { type RegistrationCall, requireOwned } from './owned.ts'
import { findServicePrincipal } from './service-principals.ts'

/** What can have credentials: an application in every tenant, a service principal in its own (wire.md §13.2). */
export type OwnerKind = 'application' | 'servicePrincipal'

/** The object whose credentials are changed. */
export interface CredentialOwner extends CredentialHolder {
  readonly objectId: string
}

/** A call that changes credentials. */
export interface CredentialCall extends RegistrationCall {
  readonly nowMs: number
}

/**
 * Finds the owner of credentials and makes sure that the caller may change them: its own, those of what it owns, or with
 * `Application.ReadWrite.All` any of its tenant.
 *
 * @throws GraphError 404, 403.
 */
export async function findOwner(call: CredentialCall, kind: OwnerKind, id: string): Promise<CredentialOwner> {
  if (kind === 'application') {
    const row = await findApplication(call, id)
    await requireOwned(call, { objectId: row.id, appId: row.app_id })
    return { objectId: row.id, applicationId: row.id, servicePrincipalId: null }
  }
  const { id: servicePrincipalId, applicationId, appId } = await findServicePrincipal(call, id)
  await requireOwned(call, { objectId: servicePrincipalId, appId })
  return { objectId: servicePrincipalId, applicationId, servicePrincipalId }
}
