// The clients that call the directory: ours, Microsoft's in its documented modes, and the least that does the same.
import { randomUUID } from 'node:crypto'
import { ClientSecretCredential } from '@azure/identity'
import { Client } from '@microsoft/microsoft-graph-client'
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js'
import { type Api, AppIdentity, clientSecret, graph } from '@tomte/client'
import { Agent, request } from 'undici'
import { CLIENT, SCOPE, SECRET, tenantId } from '../tokens/authority.ts'
import type { ScriptedDirectory } from './directory.ts'

type Place = Pick<ScriptedDirectory, 'origin' | 'ca'>

/** Ours, with its deadlines, retries and pace as they are by default; each tenant has a pace of its own. */
export function ours({ origin, ca }: Place, tenant = 0): Api {
  const identity = new AppIdentity({
    tenantId: tenantId(tenant),
    clientId: CLIENT,
    credential: clientSecret(SECRET),
    authorityHost: origin,
    ca,
  })
  return graph(identity, { baseUrl: `${origin}/v1.0`, ca })
}

/** Microsoft Graph's JavaScript client with @azure/identity. */
export function graphClient({ origin }: Place): Client {
  const credential = new ClientSecretCredential(tenantId(0), CLIENT, SECRET, {
    authorityHost: origin,
    disableInstanceDiscovery: true,
  })
  const authProvider = new TokenCredentialAuthenticationProvider(credential, { scopes: [SCOPE] })
  return Client.initWithMiddleware({
    authProvider,
    baseUrl: origin,
    customHosts: new Set(['localhost']),
  })
}

const DEADLINE_MS = 100_000

/** undici alone: the token from a variable, the same headers, a deadline, and JSON that is parsed. */
export function bareGet({ origin, ca }: Place, token: string): (path: string) => Promise<unknown> {
  const dispatcher = new Agent({ connect: { ca } })
  return async (path) => {
    const { body } = await request(`${origin}/v1.0${path}`, {
      dispatcher,
      headers: {
        accept: 'application/json',
        'client-request-id': randomUUID(),
        authorization: `Bearer ${token}`,
      },
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    return body.json()
  }
}
