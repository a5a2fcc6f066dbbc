import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ManagedIdentityHost } from './managed-identity/server.ts'
import type { Platform, RealHosts } from './platform-options.ts'

/** How a platform is reached, for programs beside it; it holds no secret. */
export interface ReadyDocument {
  readonly login: string
  readonly graph: string
  readonly portal: string
  /** The file of the certificate authority to trust. */
  readonly ca: string
  readonly tenantId: string
  readonly tenantDomain: string
  readonly operatorClientId: string
  /** The file of the operator's certificate and key. */
  readonly operatorCertificate: string
  readonly managedIdentity?: ManagedIdentityHost
  readonly drills?: string
  readonly realHosts?: Pick<RealHosts, 'names' | 'ca'>
}

/**
 * Returns what a program needs to know of a platform that is ready: the document of `tomte platform --json`, which a running
 * platform keeps as `platform.json` in its data folder.
 *
 * @example
 * ```ts
 * import { readyDocument, startPlatform } from '@tomte/platform'
 * const platform = await startPlatform({ dataFolder: '.tomte', port: 8443 })
 * console.log(JSON.stringify(readyDocument(platform)))
 * ```
 */
export function readyDocument(platform: Platform): ReadyDocument {
  const { origin, graphUrl, caFile, operator, managedIdentity, drillsUrl, realHosts } = platform
  return {
    login: origin,
    graph: graphUrl,
    portal: `${origin}/portal`,
    ca: caFile,
    tenantId: operator.tenantId,
    tenantDomain: operator.tenantDomain,
    operatorClientId: operator.clientId,
    operatorCertificate: operator.certificateFile,
    ...(managedIdentity ? { managedIdentity } : {}),
    ...(drillsUrl === undefined ? {} : { drills: drillsUrl }),
    ...(realHosts ? { realHosts: { names: realHosts.names, ca: realHosts.caFile } } : {}),
  }
}

/**
 * Lets programs beside a platform find it, from now until it is closed. A folder that cannot be written, as one that is mounted
 * to be read alone, keeps no platform from running: `onFailure` is told.
 */
export async function announced(
  dataFolder: string,
  platform: Platform,
  onFailure: (error: unknown) => void,
): Promise<Platform> {
  const file = join(resolve(dataFolder), 'platform.json')
  const document = readyDocument(platform)
  // Whoever reads it may stand in another folder.
  const absolute = {
    ...document,
    ca: resolve(document.ca),
    operatorCertificate: resolve(document.operatorCertificate),
  }
  const text = `${JSON.stringify(absolute, undefined, 2)}\n`
  await write(file, text).catch(onFailure)
  return {
    ...platform,
    close: async () => {
      await retract(file, text).catch(onFailure)
      await platform.close()
    },
  }
}

/** Whole or not at all, over what a platform that was killed has left. */
async function write(file: string, text: string): Promise<void> {
  const half = `${file}.${process.pid}.new`
  try {
    await writeFile(half, text, { mode: 0o600 })
    await rename(half, file)
  } finally {
    await rm(half, { force: true })
  }
}

/** Replicas may share a folder of keys, and then the file speaks of the last that started. */
async function retract(file: string, text: string): Promise<void> {
  const found = await readFile(file, 'utf8').catch(() => undefined)
  if (found === text) await rm(file, { force: true })
}
