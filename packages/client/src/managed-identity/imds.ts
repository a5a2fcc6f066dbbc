import type { Environment } from '../config.ts'
import { endpointIn, type Source, valueOf } from './source.ts'

const HOST = 'AZURE_POD_IDENTITY_AUTHORITY_HOST'
// While it is being updated it answers 410, for 70 s at most; whoever waits has to outlast that.
const PATIENCE_MS = 80_000

/** The instance metadata service of virtual machines and all that look like one: what remains when nothing else is there. */
export function imds(environment: Environment): Source {
  const host = valueOf(environment, HOST)
  const origin = host === undefined ? new URL('http://169.254.169.254') : endpointIn(HOST, host)
  return {
    name: 'the instance metadata service',
    endpoint: new URL('/metadata/identity/oauth2/token', origin),
    method: 'GET',
    headers: { metadata: 'true' },
    parameters: { 'api-version': '2018-02-01' },
    selectors: { clientId: 'client_id', objectId: 'object_id', resourceId: 'msi_res_id' },
    // 404 while an identity that has just been assigned is on its way, 410 during an update (wire.md §10.1).
    passing: { 404: 1_000, 410: 10_000 },
    patienceMs: PATIENCE_MS,
    guessed: host === undefined,
  }
}
