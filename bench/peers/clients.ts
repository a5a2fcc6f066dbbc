// Every client behind one signature, each in its best documented mode: one application with a client secret.
import { ClientSecretCredential } from '@azure/identity'
import { ConfidentialClientApplication } from '@azure/msal-node'
import { AppIdentity, clientSecret } from '@tomte/client/tokens'
import { Configuration, clientCredentialsGrant } from 'openid-client'
import { CLIENT, SCOPE, SECRET, type ScriptedAuthority } from '../tokens/authority.ts'

type Place = Pick<ScriptedAuthority, 'origin' | 'ca'>

/** Resolves with a token for the bench's scope. */
export type GetToken = () => Promise<string>

export const oursAt = ({ origin, ca }: Place, tenantId: string): AppIdentity =>
  new AppIdentity({
    tenantId,
    clientId: CLIENT,
    credential: clientSecret(SECRET),
    authorityHost: origin,
    ca,
  })

export function ours(place: Place, tenantId: string): GetToken {
  const identity = oursAt(place, tenantId)
  return async () => (await identity.getToken(SCOPE)).token
}

/** A client of its own for each tenant: one for all walks over all its tokens at every call. */
export function msalNode({ origin }: Pick<Place, 'origin'>, tenantId: string): GetToken {
  const client = new ConfidentialClientApplication({
    auth: {
      clientId: CLIENT,
      clientSecret: SECRET,
      authority: `${origin}/${tenantId}`,
      knownAuthorities: [new URL(origin).host],
    },
  })
  const request = { scopes: [SCOPE] }
  return async () => present((await client.acquireTokenByClientCredential(request))?.accessToken)
}

export function azureIdentity({ origin }: Pick<Place, 'origin'>, tenantId: string): GetToken {
  const options = { authorityHost: origin, disableInstanceDiscovery: true }
  const credential = new ClientSecretCredential(tenantId, CLIENT, SECRET, options)
  return async () => present((await credential.getToken(SCOPE))?.token)
}

/** Keeps no tokens: every call is a request. */
export function openidClient({ origin }: Pick<Place, 'origin'>, tenantId: string): GetToken {
  const issuer = `${origin}/${tenantId}/v2.0`
  const server = { issuer, token_endpoint: `${origin}/${tenantId}/oauth2/v2.0/token` }
  const configuration = new Configuration(server, CLIENT, SECRET)
  return async () => (await clientCredentialsGrant(configuration, { scope: SCOPE })).access_token
}

function present(token: string | undefined): string {
  if (token === undefined) throw new TypeError('Cannot measure: a peer resolved with no token')
  return token
}
