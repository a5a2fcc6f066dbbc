import type { Environment } from '../config.ts'
import { endpointIn, PATIENCE_MS, type Source, valueOf } from './source.ts'

/** Cloud Shell: the token is that of the person who has opened it (wire.md §10.3). */
export function cloudShell(environment: Environment): Source | undefined {
  const url = valueOf(environment, 'MSI_ENDPOINT')
  if (url === undefined) return undefined
  return {
    name: 'Cloud Shell',
    endpoint: endpointIn('MSI_ENDPOINT', url),
    method: 'POST',
    headers: { metadata: 'true', 'content-type': 'application/x-www-form-urlencoded' },
    parameters: {},
    selectors: {},
    passing: {},
    patienceMs: PATIENCE_MS,
  }
}
