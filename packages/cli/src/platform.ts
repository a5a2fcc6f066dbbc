import { once } from 'node:events'
import { type Platform, startPlatform } from '@tomte/platform'
import type { Output } from './output.ts'
import { stopSignal } from './signals.ts'

export interface PlatformArguments {
  readonly port: number
  readonly data: string
}

/** What a program needs to know of a platform that is ready. */
export function readyDocument({ origin, graphUrl, caFile, operator }: Platform): object {
  return {
    login: origin,
    graph: graphUrl,
    portal: `${origin}/portal`,
    ca: caFile,
    tenantId: operator.tenantId,
    tenantDomain: operator.tenantDomain,
    operatorClientId: operator.clientId,
    operatorCertificate: operator.certificateFile,
  }
}

/** `tomte platform`: runs the local identity platform until it is told to stop. */
export async function platformCommand({ port, data }: PlatformArguments, output: Output): Promise<void> {
  const signal = stopSignal()
  const platform = await startPlatform({ dataFolder: data, port })
  const text = [
    `The identity platform is ready at ${platform.origin}`,
    `  portal          ${platform.origin}/portal`,
    `  directory       ${platform.graphUrl}`,
    `  trust           NODE_EXTRA_CA_CERTS=${platform.caFile}`,
    ...platform.keyFiles.list.map(({ file, purpose }) => `  key file        ${file} (${purpose})`),
    'Ctrl-C ends it.',
  ].join('\n')
  await output.result(readyDocument(platform), text)
  if (!signal.aborted) await once(signal, 'abort')
  await platform.close()
}
