import { AppIdentity, certificate, graph } from '@tomte/client'
import { type KeyRotation, PlatformError, rotateSigningKey } from '@tomte/platform'
import type { Output } from './output.ts'
import { readRunning } from './running-platform.ts'
import { type TrustArguments, trustedFor } from './trust.ts'

interface RotationArguments extends TrustArguments {
  readonly data: string
  readonly database?: string | undefined
}

/**
 * `tomte platform rotate-keys`: signs with a new key from now on. A platform that runs on the data folder is asked to, as its
 * operator; otherwise it is done in the data itself.
 */
export async function rotateKeysCommand(options: RotationArguments, output: Output): Promise<void> {
  const { data, database } = options
  const rotation = await rotateSigningKey({ dataFolder: data, database }).catch((error: unknown) => {
    if (error instanceof PlatformError && error.code === 'data_folder_held') return askToRotate(options)
    throw error
  })
  const { kid, previous } = rotation
  const text = [
    `Tokens are signed with the new key ${kid}`,
    `The key before it, ${previous.kid}, is in the keys documents until ${previous.publishedUntilDateTime}`,
  ].join('\n')
  await output.result(rotation, text)
}

async function askToRotate(options: RotationArguments): Promise<KeyRotation> {
  const running = await readRunning(options.data)
  const ca = await trustedFor(running, options)
  const identity = new AppIdentity({
    tenantId: running.tenantId,
    clientId: running.operatorClientId,
    credential: certificate({ file: running.operatorCertificate }),
    authorityHost: running.login,
    ca,
  })
  const api = graph(identity, { baseUrl: running.graph, ca })
  return (await api.post('/tomte/signingKeys', {})) as KeyRotation
}
