import { readFile } from 'node:fs/promises'
import { AppIdentity, certificate, graph } from '@tomte/client'
import { type KeyRotation, PlatformError, rotateSigningKey } from '@tomte/platform'
import type { Output } from './output.ts'
import { readRunning } from './running-platform.ts'

interface RotationArguments {
  readonly data: string
  readonly database?: string | undefined
}

/**
 * `tomte platform rotate-keys`: signs with a new key from now on. A platform that runs on the data folder is asked to, as its
 * operator; otherwise it is done in the data itself.
 */
export async function rotateKeysCommand(
  { data, database }: RotationArguments,
  output: Output,
): Promise<void> {
  const rotation = await rotateSigningKey({ dataFolder: data, database }).catch((error: unknown) => {
    if (error instanceof PlatformError && error.code === 'data_folder_held') return askToRotate(data)
    throw error
  })
  const { kid, previous } = rotation
  const text = [
    `Tokens are signed with the new key ${kid}`,
    `The key before it, ${previous.kid}, is in the keys documents until ${previous.publishedUntilDateTime}`,
  ].join('\n')
  await output.result(rotation, text)
}

async function askToRotate(data: string): Promise<KeyRotation> {
  const running = await readRunning(data)
  const ca = await readFile(running.ca, 'utf8')
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
