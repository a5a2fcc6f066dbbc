import { X509Certificate } from 'node:crypto'
import { type Api, ApiError } from '@tomte/client'
import { makeSelfSigned, type Platform } from '@tomte/platform'

/** A daemon that is registered in the tenant, as an administrator would have done it. */
export interface RegisteredDaemon {
  readonly clientId: string
  readonly servicePrincipalId: string
  /** PEM file with the certificate and its private key. */
  readonly certificateFile: string
}

const NAME = 'nightly-provisioning'
const PURPOSE = `daemon ${NAME}: certificate and key`
const YEAR_MS = 365 * 24 * 60 * 60 * 1000
const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000'
const PERMISSION = 'User.ReadWrite.All'

interface GraphApplication {
  readonly id: string
  readonly appId: string
}

interface GraphServicePrincipal {
  readonly id: string
  readonly appRoles: readonly { readonly id: string; readonly value: string }[]
}

/** Finds the daemon's registration, or `undefined` if an earlier start has not got that far. */
export async function findRegistration(directory: Api): Promise<GraphApplication | undefined> {
  return first<GraphApplication>(await directory.get(`/applications?$filter=displayName eq '${NAME}'`))
}

/** Registers the daemon: application with the public half of a new certificate and its one permission, service principal. */
export async function registerDaemon(
  directory: Api,
  platform: Platform,
  nowMs: number,
): Promise<RegisteredDaemon> {
  const file = `${NAME}.pem`
  const pem = await platform.keyFiles.ensure(file, PURPOSE, async () => {
    const made = await makeSelfSigned(NAME, { notBeforeMs: nowMs, notAfterMs: nowMs + YEAR_MS })
    return `${made.certificate}\n${made.privateKey}\n`
  })
  const application = (await findRegistration(directory)) ?? (await createApplication(directory, pem))
  return {
    clientId: application.appId,
    servicePrincipalId: await ensureServicePrincipal(directory, application.appId),
    certificateFile: platform.keyFiles.path(file),
  }
}

async function createApplication(directory: Api, pem: string): Promise<GraphApplication> {
  const { id } = await permission(directory)
  const key = new X509Certificate(pem).raw.toString('base64')
  const created = await directory.post('/applications', {
    displayName: NAME,
    signInAudience: 'AzureADMyOrg',
    keyCredentials: [{ type: 'AsymmetricX509Cert', usage: 'Verify', key, displayName: NAME }],
    requiredResourceAccess: [{ resourceAppId: GRAPH_APP_ID, resourceAccess: [{ id, type: 'Role' }] }],
  })
  return created as GraphApplication
}

async function ensureServicePrincipal(directory: Api, appId: string): Promise<string> {
  const known = first<GraphServicePrincipal>(
    await directory.get(`/servicePrincipals?$filter=appId eq '${appId}'`),
  )
  if (known) return known.id
  return ((await directory.post('/servicePrincipals', { appId })) as GraphServicePrincipal).id
}

async function permission(directory: Api): Promise<{ readonly id: string; readonly resourceId: string }> {
  const resource = (await directory.get(
    `/servicePrincipals(appId='${GRAPH_APP_ID}')`,
  )) as GraphServicePrincipal
  const role = resource.appRoles.find(({ value }) => value === PERMISSION)
  if (!role) throw new RangeError(`Cannot request ${PERMISSION}: the directory offers no such permission`)
  return { id: role.id, resourceId: resource.id }
}

/** When the administrator consented, or `undefined`. */
export async function consentedAt(
  directory: Api,
  { servicePrincipalId }: RegisteredDaemon,
): Promise<string | undefined> {
  const { id } = await permission(directory)
  const grants = (await directory.get(`/servicePrincipals/${servicePrincipalId}/appRoleAssignments`)) as {
    readonly value: readonly { readonly appRoleId: string; readonly createdDateTime: string }[]
  }
  return grants.value.find(({ appRoleId }) => appRoleId === id)?.createdDateTime
}

/** Grants administrator consent: an app role assignment for the permission that the registration asks for. */
export async function grantConsent(directory: Api, { servicePrincipalId }: RegisteredDaemon): Promise<void> {
  const { id, resourceId } = await permission(directory)
  try {
    await directory.post(`/servicePrincipals/${servicePrincipalId}/appRoleAssignments`, {
      principalId: servicePrincipalId,
      resourceId,
      appRoleId: id,
    })
  } catch (error) {
    // The answer to an earlier, interrupted request may have been lost.
    if (!(error instanceof ApiError && error.status === 400 && /already exists/.test(error.message)))
      throw error
  }
}

const first = <Item>(collection: unknown): Item | undefined =>
  (collection as { readonly value: readonly Item[] }).value[0]
