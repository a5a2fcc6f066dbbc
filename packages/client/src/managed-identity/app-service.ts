import { createHash } from 'node:crypto'
import type { Environment } from '../config.ts'
import { endpointIn, PATIENCE_MS, type Source, valueOf } from './source.ts'

/** App Service, Functions, Container Apps and Automation (wire.md §10.2). */
export function appService(environment: Environment): Source | undefined {
  const [url, secret] = [valueOf(environment, 'IDENTITY_ENDPOINT'), valueOf(environment, 'IDENTITY_HEADER')]
  if (url === undefined || secret === undefined) return undefined
  return {
    name: 'App Service',
    endpoint: endpointIn('IDENTITY_ENDPOINT', url),
    method: 'GET',
    headers: { 'x-identity-header': secret },
    parameters: { 'api-version': '2019-08-01' },
    selectors: { clientId: 'client_id', objectId: 'object_id', resourceId: 'mi_res_id' },
    secret,
    passing: {},
    patienceMs: PATIENCE_MS,
    instead: (token) => ({
      'api-version': '2025-03-30',
      xms_cc: 'cp1',
      token_sha256_to_refresh: createHash('sha256').update(token).digest('hex'),
    }),
  }
}
