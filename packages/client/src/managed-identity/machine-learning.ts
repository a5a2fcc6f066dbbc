import type { Environment } from '../config.ts'
import { endpointIn, PATIENCE_MS, type Source, valueOf } from './source.ts'

/** Azure Machine Learning, and App Service's endpoint of 2017, which is the same (wire.md §10.3). */
export function machineLearning(environment: Environment): Source | undefined {
  const [url, secret] = [valueOf(environment, 'MSI_ENDPOINT'), valueOf(environment, 'MSI_SECRET')]
  if (url === undefined || secret === undefined) return undefined
  // A compute has several identities at times, and says which of them is meant by default.
  const clientId = valueOf(environment, 'DEFAULT_IDENTITY_CLIENT_ID')
  return {
    name: 'Azure Machine Learning',
    endpoint: endpointIn('MSI_ENDPOINT', url),
    method: 'GET',
    headers: { metadata: 'true', secret },
    parameters: { 'api-version': '2017-09-01' },
    selectors: { clientId: 'clientid' },
    unselected: clientId === undefined ? {} : { clientid: clientId },
    secret,
    passing: {},
    patienceMs: PATIENCE_MS,
  }
}
