import type { Environment } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { endpointIn, PATIENCE_MS, type Source, valueOf } from './source.ts'

const THUMBPRINT = /^([0-9a-f]{40}|[0-9a-f]{64})$/i

/** Service Fabric: HTTPS with a certificate that is known by its thumbprint (wire.md §10.3). The cluster selects the identity. */
export function serviceFabric(environment: Environment): Source | undefined {
  const [url, secret, thumbprint] = [
    valueOf(environment, 'IDENTITY_ENDPOINT'),
    valueOf(environment, 'IDENTITY_HEADER'),
    valueOf(environment, 'IDENTITY_SERVER_THUMBPRINT'),
  ]
  if (url === undefined || secret === undefined || thumbprint === undefined) return undefined
  const endpoint = endpointIn('IDENTITY_ENDPOINT', url)
  if (!THUMBPRINT.test(thumbprint)) throw unpinned()
  return {
    name: 'Service Fabric',
    endpoint,
    method: 'GET',
    headers: { secret },
    parameters: { 'api-version': '2019-07-01-preview' },
    selectors: {},
    secret,
    // Without TLS, which is for this machine alone, there is no certificate to look at.
    ...(endpoint.protocol === 'https:' ? { thumbprint } : {}),
    passing: {},
    patienceMs: PATIENCE_MS,
  }
}

const unpinned = () =>
  new ConfigurationError(
    'Cannot ask Service Fabric for a token, as IDENTITY_SERVER_THUMBPRINT must be 40 or 64 hex digits: found something else',
    {
      code: 'identity_endpoint_invalid',
      hint: 'The host sets IDENTITY_SERVER_THUMBPRINT by itself: remove what has changed it',
    },
  )
