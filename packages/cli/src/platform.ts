import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import {
  exportPlatform,
  type ManagedIdentityOptions,
  type Platform,
  PlatformError,
  startPlatform,
} from '@tomte/platform'
import type { Output } from './output.ts'
import { stopSignal } from './signals.ts'

export interface PlatformArguments {
  readonly port: number
  readonly data: string
  /** The port of the endpoints for managed identities; `undefined` for none. */
  readonly managedIdentity?: number | undefined
  /** The names of user-assigned identities, beside the system-assigned one. */
  readonly userAssigned?: readonly string[] | undefined
  readonly arcKeys?: string | undefined
  readonly drills?: boolean | undefined
  /** Whether it answers as the real login hosts, too. */
  readonly asRealHosts?: boolean | undefined
  /** A state file, made at the start as far as it is missing. */
  readonly seed?: string | undefined
  /** The address of a PostgreSQL in place of SQLite; it may hold a password, so it is never printed. */
  readonly database?: string | undefined
}

/** The name of the system-assigned identity that the endpoints are started with. */
const MACHINE = 'tomte'

/** What a program needs to know of a platform that is ready. */
export function readyDocument(platform: Platform): object {
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

async function readSeed(file: string | undefined) {
  if (file === undefined) return undefined
  const found = (error: unknown) => (error instanceof SyntaxError ? 'it is no JSON' : 'it cannot be read')
  try {
    return { state: JSON.parse(await readFile(file, 'utf8')) as unknown, environment: process.env }
  } catch (error) {
    const message = `Cannot use the seed '${file}', as it must be a JSON file: ${found(error)}`
    throw new PlatformError(message, { code: 'seed_invalid', hint: 'Correct the file or its path' })
  }
}

/** `tomte platform export`: prints the state of a platform that does not run, as a seed. */
export async function exportCommand(
  { data, database }: Pick<PlatformArguments, 'data' | 'database'>,
  output: Output,
): Promise<void> {
  const state = await exportPlatform({ dataFolder: data, database })
  await output.result(state, JSON.stringify(state, undefined, 2))
}

/** `tomte platform`: runs the local identity platform until it is told to stop. */
export async function platformCommand(options: PlatformArguments, output: Output): Promise<void> {
  const { port, data, drills = false, database } = options
  const signal = stopSignal()
  const managedIdentity = managedIdentityOf(options)
  const seed = await readSeed(options.seed)
  const { asRealHosts } = options
  const kept = { dataFolder: data, database, seed }
  const platform = await startPlatform({ ...kept, port, drills, managedIdentity, asRealHosts })
  const { origin, graphUrl, caFile, keyFiles, managedIdentity: host, drillsUrl, realHosts } = platform
  const text = [
    `The identity platform is ready at ${origin}`,
    `  portal          ${origin}/portal`,
    `  directory       ${graphUrl}`,
    ...(drillsUrl === undefined ? [] : [`  drills          ${drillsUrl}`]),
    ...(host ? [`  identities      ${host.origin} (an SDK finds each source by its .env file)`] : []),
    `  trust           NODE_EXTRA_CA_CERTS=${caFile}`,
    ...(realHosts
      ? [`  also as         ${realHosts.names.join(', ')}; trust NODE_EXTRA_CA_CERTS=${realHosts.caFile}`]
      : []),
    ...keyFiles.list.map(({ file, purpose }) => `  key file        ${file} (${purpose})`),
    'Ctrl-C ends it.',
  ].join('\n')
  await output.result(readyDocument(platform), text)
  if (!signal.aborted) await once(signal, 'abort')
  await platform.close()
}

function managedIdentityOf({
  managedIdentity: port,
  userAssigned = [],
  arcKeys,
}: PlatformArguments): ManagedIdentityOptions | undefined {
  if (port === undefined) return undefined
  const users = userAssigned.map((name) => ({ kind: 'user', name }) as const)
  return { port, identities: [{ kind: 'system', name: MACHINE }, ...users], arcKeyFolder: arcKeys }
}
