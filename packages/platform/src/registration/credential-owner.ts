import type { Principal } from '@tomte/guard'
import { GraphError } from '../graph/errors.ts'
import { findApplication, type RegistrationStore } from './applications.ts'
import type { CredentialHolder } from './key-credentials.ts'
import { findServicePrincipal } from './service-principals.ts'

/** What can have credentials: an application in every tenant, a service principal in its own (wire.md §13.2). */
export type OwnerKind = 'application' | 'servicePrincipal'

/** The object whose credentials are changed. */
export interface CredentialOwner extends CredentialHolder {
  readonly objectId: string
}

/** A call that changes credentials. */
export interface CredentialCall extends RegistrationStore {
  readonly principal: Principal
  readonly nowMs: number
}

const EVERY_APPLICATION = 'Application.ReadWrite.All'

/**
 * Finds the owner of credentials and makes sure that the caller may change them: itself, or with
 * `Application.ReadWrite.All` any of its tenant.
 *
 * @throws GraphError 404, 403.
 */
export async function findOwner(call: CredentialCall, kind: OwnerKind, id: string): Promise<CredentialOwner> {
  const { owner, own } = await (kind === 'application' ? ownApplication(call, id) : ownPrincipal(call, id))
  if (own || call.principal.roles.includes(EVERY_APPLICATION)) return owner
  throw new GraphError(
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
}

async function ownApplication(call: CredentialCall, id: string) {
  const row = await findApplication(call, id)
  const owner: CredentialOwner = { objectId: row.id, applicationId: row.id, servicePrincipalId: null }
  return { owner, own: row.app_id === call.principal.appId }
}

async function ownPrincipal(call: CredentialCall, id: string) {
  const principal = await findServicePrincipal(call, id)
  const { id: servicePrincipalId, applicationId } = principal
  const owner: CredentialOwner = { objectId: servicePrincipalId, applicationId, servicePrincipalId }
  return { owner, own: servicePrincipalId === call.principal.objectId }
}
