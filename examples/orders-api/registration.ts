import { randomUUID } from 'node:crypto'
import type { Api } from '@tomte/client'

/** The API and the daemon as they are registered; the role is not assigned yet. */
export interface Registered {
  readonly apiClientId: string
  readonly daemonClientId: string
  readonly daemonSecret: string
  /** Assigns the role to the daemon, as an administrator does. */
  readonly assignRole: () => Promise<void>
}

interface Created {
  readonly id: string
  readonly appId: string
}

/** Registers both by the directory's own API. */
export async function register(directory: Api): Promise<Registered> {
  const [roleId, apiUri] = [randomUUID(), (appId: string) => `api://${appId}`]
  const ordersApi = (await directory.post('applications', {
    displayName: 'orders-api',
    api: { requestedAccessTokenVersion: 2 },
    appRoles: [
      {
        id: roleId,
        value: 'access_as_application',
        displayName: 'Read orders as an application',
        description: 'The application may read all orders, with nobody signed in.',
        allowedMemberTypes: ['Application'],
        isEnabled: true,
      },
    ],
  })) as Created
  await directory.patch(`applications/${ordersApi.id}`, { identifierUris: [apiUri(ordersApi.appId)] })
  const daemon = (await directory.post('applications', { displayName: 'orders-daemon' })) as Created
  const { secretText } = (await directory.post(`applications/${daemon.id}/addPassword`, {
    passwordCredential: { displayName: 'example' },
  })) as { readonly secretText: string }
  const [resource, principal] = await Promise.all(
    [ordersApi, daemon].map(
      async ({ appId }) => (await directory.post('servicePrincipals', { appId })) as Created,
    ),
  )
  return {
    apiClientId: ordersApi.appId,
    daemonClientId: daemon.appId,
    daemonSecret: secretText,
    assignRole: async () => {
      await directory.post(`servicePrincipals/${principal?.id}/appRoleAssignments`, {
        principalId: principal?.id,
        resourceId: resource?.id,
        appRoleId: roleId,
      })
    },
  }
}
