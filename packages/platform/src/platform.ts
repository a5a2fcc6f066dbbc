import { createServer, type Server } from 'node:https'
import { getCACertificates } from 'node:tls'
import { randomUUID, X509Certificate } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { every, type Now, systemNow } from './clock.ts'
import { Drills } from './drill/drills.ts'
import { drillRoutes } from './drill/routes.ts'
import { targetOf, watch } from './drill/watch.ts'
import { parseSealingKey, makeSealingKey } from './discovery/sealing.ts'
import { SigningKeys } from './discovery/signing-keys.ts'
import { portRefused } from './errors.ts'
import { KeyFiles } from './key-files.ts'
import {
  type HostParts,
  type ManagedIdentityHost,
  type ManagedIdentityOptions,
  startManagedIdentityHost,
} from './managed-identity/server.ts'
import { ensureOperator, type FirstTenant, type Operator } from './operator.ts'
import { hostAllowed, rewriteAppId } from './request-rules.ts'
import { Sessions } from './portal/sessions.ts'
import { registerRoutes } from './routes.ts'
import type { Services } from './services.ts'
import { type Database, openDatabase } from './store/database.ts'
import { IssuerKeys } from './token/issuer-keys.ts'
import { LocalAuthority } from './tls/local-authority.ts'

/** Where the platform keeps its data and listens. */
export interface PlatformOptions {
  /** Where everything is kept; made if it is not there. One process at a time. */
  readonly dataFolder: string
  /** TCP port on the loopback addresses; 0 takes a free one. */
  readonly port: number
  /** The tenant that a new data folder starts with. Default: contoso.example. */
  readonly tenant?: FirstTenant | undefined
  /** Where the issuers of federated credentials may be. Default: on the public internet alone. */
  readonly federation?: FederationOptions | undefined
  /** Endpoints for managed identities, on a port of their own. Default: none. */
  readonly managedIdentity?: ManagedIdentityOptions | undefined
  /** Faults and clock on demand, by `/drills` of this platform, for whoever reaches the port. Default: false. */
  readonly drills?: boolean | undefined
  readonly now?: Now | undefined
}

/** How the platform asks other identity providers for their keys (wire.md §5). */
export interface FederationOptions {
  /** Lets issuers be on this machine and in private networks, as those of clusters and tests are. Default false. */
  readonly allowPrivateNetwork?: boolean | undefined
  /** A certificate authority to trust for issuers, as PEM, besides those that Node trusts. */
  readonly ca?: string | undefined
}

/** A running platform. */
export interface Platform {
  /** `https://localhost:<port>`: authority host, portal and, below `/graph/v1.0`, the directory. */
  readonly origin: string
  readonly graphUrl: string
  /** The certificate authority to trust, as PEM and as a file. */
  readonly ca: string
  readonly caFile: string
  readonly operator: Operator
  /** The only files that hold a secret. */
  readonly keyFiles: KeyFiles
  /** The endpoints of managed identities, if the platform was started with them. */
  readonly managedIdentity: ManagedIdentityHost | undefined
  /** `https://localhost:<port>/drills`, if the platform was started with them. */
  readonly drillsUrl: string | undefined
  /** Answers what has begun, then ends. */
  close(): Promise<void>
}

const FIRST_TENANT: FirstTenant = { domain: 'contoso.example', displayName: 'Contoso' }
const CERTIFICATE_RENEWAL_MS = 24 * 60 * 60 * 1000

/**
 * Starts the local identity platform: token endpoint, discovery, directory and portal on one loopback port.
 *
 * @throws PlatformError if the data folder, a key file or the port cannot be used.
 * @example
 * ```ts
 * import { startPlatform } from '@tomte/platform'
 * const platform = await startPlatform({ dataFolder: '.tomte', port: 8443 })
 * console.log(platform.origin)
 * await platform.close()
 * ```
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { dataFolder, now: machineNow = systemNow, tenant = FIRST_TENANT } = options
  const drills = options.drills === true ? new Drills(machineNow) : undefined
  const now = drills?.now ?? machineNow
  const db = await openDatabase(dataFolder)
  try {
    const keyFiles = new KeyFiles(dataFolder)
    const authority = await LocalAuthority.open(dataFolder, keyFiles, machineNow)
    const [keys, operator] = await Promise.all([
      openSigningKeys(db, keyFiles, now),
      ensureOperator({ db, keyFiles, now, tenant }),
    ])
    const services = { db, keys, now, sessions: new Sessions(now) }
    const app = await listen(services, authority, options, drills)
    const parts = { ...services, origin: () => app.origin, tenantId: operator.tenantId, keyFiles }
    const managedIdentity = await manageIdentities(parts, authority, options.managedIdentity, drills).catch(
      async (error: unknown) => {
        await app.close()
        throw error
      },
    )
    return {
      origin: app.origin,
      graphUrl: `${app.origin}/graph/v1.0`,
      ca: authority.certificate,
      caFile: authority.certificateFile,
      operator,
      keyFiles,
      managedIdentity: managedIdentity?.host,
      drillsUrl: drills && `${app.origin}/drills`,
      close: async () => {
        await Promise.all([app.close(), managedIdentity?.close()])
        await db.destroy()
      },
    }
  } catch (error) {
    await db.destroy()
    throw error
  }
}

async function openSigningKeys(db: Database, keyFiles: KeyFiles, now: Now): Promise<SigningKeys> {
  const name = 'signing-key-encryption.key'
  const text = await keyFiles.ensure(name, 'opens the token signing keys in the database', makeSealingKey)
  return SigningKeys.load(db, parseSealingKey(text, keyFiles.path(name)), now)
}

/** Starts the endpoints of managed identities if they are wanted. */
async function manageIdentities(
  parts: Omit<HostParts, 'thumbprint' | 'watch'>,
  authority: LocalAuthority,
  options: ManagedIdentityOptions | undefined,
  drills: Drills | undefined,
) {
  if (!options) return undefined
  const thumbprint = new X509Certificate(authority.certificate).fingerprint.replaceAll(':', '')
  const watched = (app: FastifyInstance) => drills && watch(app, drills, () => 'managed-identity')
  return startManagedIdentityHost({ ...parts, thumbprint, watch: watched }, options)
}

interface Listening {
  readonly origin: string
  close(): Promise<void>
}

async function listen(
  parts: Omit<Services, 'origin' | 'issuers'>,
  authority: LocalAuthority,
  { port, federation = {} }: PlatformOptions,
  drills: Drills | undefined,
): Promise<Listening> {
  let origin = ''
  const servers: Server[] = []
  const tls = await tlsOptions(authority)
  const app = Fastify({
    // What a drill does is audited; nothing else of the platform says less than an error.
    logger: { level: drills ? 'warn' : 'error', stream: process.stderr },
    genReqId: () => randomUUID(),
    bodyLimit: 4 * 1024 * 1024,
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
    rewriteUrl: ({ url = '/' }) => rewriteAppId(url),
    // localhost is two addresses, so two servers, and both get the renewed certificate.
    serverFactory: (handler) => {
      const server = createServer(tls, handler)
      servers.push(server)
      return server
    },
  })
  app.addHook(
    'onRequest',
    hostAllowed(() => origin),
  )
  const issuers = issuerKeys(parts, federation, () => origin)
  if (drills) {
    watch(app, drills, targetOf)
    await app.register(async (scope) => drillRoutes(scope, drills)) // /drills
  }
  await registerRoutes(app, { ...parts, issuers, origin: () => origin })
  try {
    await app.listen({ port, host: 'localhost' })
  } catch (error) {
    await app.close()
    throw portRefused(port, error)
  }
  const [address] = app.addresses()
  origin = `https://localhost:${typeof address === 'object' ? address.port : port}`
  const endRenewal = every(CERTIFICATE_RENEWAL_MS, () => void renew(authority, servers, app))
  return {
    origin,
    close: async () => {
      endRenewal()
      await app.close()
    },
  }
}

/** The keys of other identity providers; those of this platform's own tenants are found without asking itself. */
function issuerKeys(
  { keys, now }: Pick<Services, 'keys' | 'now'>,
  { allowPrivateNetwork = false, ca }: FederationOptions,
  origin: () => string,
): IssuerKeys {
  return new IssuerKeys({
    network: {
      allowPrivate: allowPrivateNetwork,
      ca: ca === undefined ? undefined : [...getCACertificates('default'), ca],
    },
    own: (issuer) => (issuer.startsWith(`${origin()}/`) ? (kid) => keys.find(kid)?.key : undefined),
    now,
  })
}

async function renew(
  authority: LocalAuthority,
  servers: readonly Server[],
  app: FastifyInstance,
): Promise<void> {
  try {
    const tls = await tlsOptions(authority)
    for (const server of servers) server.setSecureContext(tls)
  } catch (error) {
    app.log.error({ err: error }, 'server certificate not renewed')
  }
}

async function tlsOptions(authority: LocalAuthority) {
  const { certificate, privateKey } = await authority.serverCertificate()
  return { cert: `${certificate}\n${authority.certificate}`, key: privateKey, minVersion: 'TLSv1.2' as const }
}
