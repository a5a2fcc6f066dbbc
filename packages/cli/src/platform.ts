import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import {
  type ManagedIdentityOptions,
  type Platform,
  PlatformError,
  type PlatformOptions,
  readyDocument,
  startPlatform,
} from '@tomte/platform'
import type { Output } from './output.ts'
import { stopSignal } from './signals.ts'
import { readPem } from './trust.ts'

export interface PlatformArguments {
  readonly port: number
  readonly data: string
  /** The address to listen on, in place of `localhost`. */
  readonly host?: string | undefined
  /** The names by which others reach it. */
  readonly name?: readonly string[] | undefined
  /** The origin by which it is known behind a proxy. */
  readonly publicOrigin?: string | undefined
  readonly tlsCertificate?: string | undefined
  readonly tlsKey?: string | undefined
  /** The password itself, which the command line names by a variable alone. */
  readonly administratorPassword?: string | undefined
  /** More tenants. */
  readonly tenant?: PlatformOptions['tenants']
  /** Lets the issuers of federated credentials be in private networks. */
  readonly allowPrivateNetworkIssuers?: boolean | undefined
  readonly issuerCa?: string | undefined
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
  /** The part of Graph's limits that the directory grants; `undefined` for no limits. */
  readonly throttling?: number | undefined
  /** Whether tokens live 60 to 90 minutes at random. */
  readonly randomLifetimes?: boolean | undefined
  /** How often a client may ask for the same token in five minutes. */
  readonly loopDetection?: number | undefined
  /** How long the audit of administrative changes is kept. */
  readonly auditRetentionDays?: number | undefined
}

/** The name of the system-assigned identity that the endpoints are started with. */
const MACHINE = 'tomte'

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

async function optionsOf(options: PlatformArguments): Promise<PlatformOptions> {
  const certificate = await readPem(options.tlsCertificate, '--tls-certificate')
  const privateKey = await readPem(options.tlsKey, '--tls-key')
  return {
    dataFolder: options.data,
    database: options.database,
    port: options.port,
    host: options.host,
    names: options.name,
    publicOrigin: options.publicOrigin,
    tls: certificate !== undefined && privateKey !== undefined ? { certificate, privateKey } : undefined,
    administratorPassword: options.administratorPassword,
    tenants: options.tenant,
    federation: {
      allowPrivateNetwork: options.allowPrivateNetworkIssuers,
      ca: await readPem(options.issuerCa, '--issuer-ca'),
    },
    managedIdentity: managedIdentityOf(options),
    drills: options.drills,
    asRealHosts: options.asRealHosts,
    seed: await readSeed(options.seed),
    throttling: options.throttling,
    loopDetection: options.loopDetection,
    randomLifetimes: options.randomLifetimes,
    auditRetentionDays: options.auditRetentionDays,
  }
}

/** `tomte platform`: runs the local identity platform until it is told to stop. */
export async function platformCommand(options: PlatformArguments, output: Output): Promise<void> {
  const signal = stopSignal()
  const platform = await startPlatform(await optionsOf(options))
  try {
    await output.result(readyDocument(platform), readyText(platform))
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    await platform.close()
  }
}

function readyText(platform: Platform): string {
  const { origin, graphUrl, caFile, keyFiles, managedIdentity: host, drillsUrl, realHosts } = platform
  return [
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
