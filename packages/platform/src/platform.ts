import { createServer, type Server } from 'node:https'
import { getCACertificates } from 'node:tls'
import { randomUUID, X509Certificate } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { SignInLog } from './audit/sign-in-log.ts'
import { every, type Now, systemNow } from './clock.ts'
import { Drills } from './drill/drills.ts'
import { registerDrills } from './drill/routes.ts'
import { LaggingReads, Replication } from './drill/replication.ts'
import { runScript } from './drill/script.ts'
import { watch } from './drill/watch.ts'
import { parseSealingKey, makeSealingKey } from './discovery/sealing.ts'
import { SigningKeys } from './discovery/signing-keys.ts'
import { portRefused } from './errors.ts'
import { requireSafeExposure, type ServerCertificate } from './exposure.ts'
import type { TenantSeed } from './registration/tenant-creation.ts'
import { ensureTenants } from './registration/tenants-at-start.ts'
import { directoryGuard } from './graph/guard.ts'
import { Throttle } from './graph/throttle.ts'
import { HostNames } from './host-names.ts'
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
import { type ExportedState, exportState } from './state/export.ts'
import { seedState } from './state/seed.ts'
import { firstTenantOf, readStateFile, type StateFile } from './state/state-file.ts'
import { registerRoutes } from './routes.ts'
import type { Services } from './services.ts'
import type { Database } from './store/database.ts'
import { joined } from './store/joined.ts'
import { explainReplica, requireReplicaKeys } from './store/replica-keys.ts'
import { openStore, type Store } from './store/store.ts'
import { tokenDoor } from './token/door.ts'
import { IssuerKeys } from './token/issuer-keys.ts'
import { LocalAuthority, REAL_HOSTS } from './tls/local-authority.ts'
import { type Authorities, ServerCertificates } from './tls/server-certificates.ts'

/** Where the platform keeps its data and listens. */
export interface PlatformOptions {
  /** Where everything is kept; made if it is not there. One process at a time. */
  readonly dataFolder: string
  /**
   * The address of a PostgreSQL 14 or later, `postgres://user:password@host/name`, that holds the data in place of SQLite; the
   * data folder then holds the keys alone, and every replica needs a copy of its `keys`. Default: SQLite in the data folder.
   */
  readonly database?: string | undefined
  /** TCP port on the loopback addresses; 0 takes a free one. */
  readonly port: number
  /**
   * The address to listen on. Default: `localhost`, which only this machine reaches. Any other is refused without `tls`, `names` and
   * `administratorPassword`, and with `drills`.
   */
  readonly host?: string | undefined
  /** The names by which others reach it: the first makes the origin, and a Host header must have one of them. */
  readonly names?: readonly string[] | undefined
  /** The certificate to show in place of the one that the platform makes for this machine. */
  readonly tls?: ServerCertificate | undefined
  /** The password of the portal's administrator, 12 characters or more. Default: one that is made, and kept in `keys`. */
  readonly administratorPassword?: string | undefined
  /** The tenant that a new data folder starts with. Default: contoso.example. */
  readonly tenant?: FirstTenant | undefined
  /** More tenants, each made if no tenant has its domain yet. */
  readonly tenants?: readonly TenantSeed[] | undefined
  /** What is to be there, made at the start as far as it is missing. Default: nothing but the first tenant. */
  readonly seed?: Seed | undefined
  /** Where the issuers of federated credentials may be. Default: on the public internet alone. */
  readonly federation?: FederationOptions | undefined
  /** Endpoints for managed identities, on a port of their own. Default: none. */
  readonly managedIdentity?: ManagedIdentityOptions | undefined
  /**
   * Answers as the real login hosts, too, for clients that cannot be pointed elsewhere: their names must lead to this machine,
   * as by a hosts file, and the port be 443. Trusting them takes a certificate authority of its own. Default: false.
   */
  readonly asRealHosts?: boolean | undefined
  /**
   * Throttles the directory as Graph does, by resource units for each application and tenant (wire.md §13.6): `true`, or the part
   * of Graph's limits that is granted, above 0 and at most 10, such as 0.1. Default: no limits.
   */
  readonly throttling?: boolean | number | undefined
  /** Faults and clock on demand, by `/drills` of this platform, for whoever reaches the port. Default: false. */
  readonly drills?: boolean | undefined
  /** How long a request may take to arrive, in milliseconds; then it is answered with 408. Default: 60,000. */
  readonly requestTimeMs?: number | undefined
  readonly now?: Now | undefined
}

/** A state to begin with. */
export interface Seed {
  /** The contents of a state file: JSON as `exportState` gives it, with secrets if they are to be set. */
  readonly state: unknown
  /** Where `secretEnv` and `passwordEnv` of the file are looked up. Default: nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
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
  /** Names as which the platform answers besides, and the certificate authority to trust for them, if it was started so. */
  readonly realHosts: RealHosts | undefined
  /** The only files that hold a secret. */
  readonly keyFiles: KeyFiles
  /** The endpoints of managed identities, if the platform was started with them. */
  readonly managedIdentity: ManagedIdentityHost | undefined
  /** `https://localhost:<port>/drills`, if the platform was started with them. */
  readonly drillsUrl: string | undefined
  /**
   * Signs tokens with a new key from now on, besides the change every 90 days; the old key stays in the keys documents until
   * its last token has ended. Resolves with the new key's `kid`.
   */
  rotateSigningKey(): Promise<string>
  /** The state as a file that can be a seed: no secret, no hash of a client secret and no signing key is in it. */
  exportState(): Promise<ExportedState>
  /** Answers what has begun, then ends. */
  close(): Promise<void>
}

/** The door for clients that cannot be pointed elsewhere. */
export interface RealHosts {
  readonly names: readonly string[]
  /** PEM, limited to these names. */
  readonly ca: string
  readonly caFile: string
}

const FIRST_TENANT: FirstTenant = { domain: 'contoso.example', displayName: 'Contoso' }
const CERTIFICATE_RENEWAL_MS = 24 * 60 * 60 * 1000
const REQUEST_TIME_MS = 60_000
const KEY_SCHEDULE_MS = 60 * 60 * 1000

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
  const { dataFolder, now: machineNow = systemNow } = options
  const seed = options.seed && readStateFile(options.seed.state)
  const tenant = options.tenant ?? (seed && firstTenantOf(seed)) ?? FIRST_TENANT
  const drills = options.drills === true ? new Drills(machineNow) : undefined
  const now = drills?.now ?? machineNow
  requireSafeExposure(options)
  const store = await openStore(options)
  const { db } = store
  try {
    const keyFiles = new KeyFiles(dataFolder)
    // Replicas that start together on one database must not each make the first keys and the first tenant.
    const { authority, keys, operator } = await store.exclusively(async () => ({
      keys: await openSigningKeys(store, keyFiles, now),
      authority: await LocalAuthority.open(dataFolder, keyFiles, machineNow),
      operator: await ensureContents(db, { keyFiles, now, tenant, options, seed }),
    }))
    const services = servicesOf(store, keys, now, options)
    const real = options.asRealHosts
      ? await LocalAuthority.openForRealHosts(dataFolder, keyFiles, machineNow)
      : undefined
    const app = await listen(services, { own: authority, real }, options, drills)
    store.whenChanged('signing_key', () => void keys.reload().catch(() => {}))
    const parts = { ...services, origin: () => app.origin, tenantId: operator.tenantId, keyFiles }
    const managedIdentity = await manageIdentities(parts, authority, options.managedIdentity, drills).catch(
      async (error: unknown) => {
        await app.close()
        throw error
      },
    )
    const endScript = drills ? runScript(seed?.drills ?? [], drills) : () => {}
    return {
      origin: app.origin,
      graphUrl: `${app.origin}/graph/v1.0`,
      ca: authority.certificate,
      caFile: authority.certificateFile,
      operator,
      realHosts: real && { names: REAL_HOSTS, ca: real.certificate, caFile: real.certificateFile },
      keyFiles,
      managedIdentity: managedIdentity?.host,
      drillsUrl: drills && `${app.origin}/drills`,
      rotateSigningKey: () => keys.rotate(),
      exportState: () => exportState(db),
      close: async () => {
        endScript()
        await Promise.all([app.close(), managedIdentity?.close()])
        await services.signIns.close()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

interface Contents {
  readonly keyFiles: KeyFiles
  readonly now: Now
  readonly tenant: FirstTenant
  readonly options: PlatformOptions
  readonly seed: StateFile | undefined
}

/** Makes what a start names and is not there: all of it, or nothing. */
function ensureContents(db: Database, { keyFiles, now, tenant, options, seed }: Contents): Promise<Operator> {
  const { administratorPassword, tenants = [] } = options
  return db.transaction().execute(async (transaction) => {
    const start = { db: joined(transaction), keyFiles, now }
    const operator = await ensureOperator({ ...start, tenant, administratorPassword })
    await ensureTenants(start, tenants)
    const { environment = {} } = options.seed ?? {}
    if (seed) await seedState({ db: start.db, nowMs: now(), environment }, seed)
    return operator
  })
}

type Parts = Omit<Services, 'origin' | 'originFor' | 'hosts' | 'issuers'> & {
  readonly replication: Replication | undefined
}

/** What the routes stand on, as far as it is known before the port is. */
function servicesOf({ db, cache }: Store, keys: SigningKeys, now: Now, options: PlatformOptions): Parts {
  const replication = options.drills === true ? new Replication(db, now) : undefined
  return {
    db,
    cache: replication ? new LaggingReads(cache, replication) : cache,
    keys,
    guard: directoryGuard(keys, now),
    now,
    sessions: new Sessions(now),
    signIns: new SignInLog({ db, now }),
    throttle: throttleOf(options),
    replication,
  }
}

async function openSigningKeys({ db, isShared }: Store, keyFiles: KeyFiles, now: Now): Promise<SigningKeys> {
  const name = 'signing-key-encryption.key'
  if (isShared) await requireReplicaKeys(db, keyFiles, [name, 'administrator-password', 'operator.pem'])
  const text = await keyFiles.ensure(name, 'opens the token signing keys in the database', makeSealingKey)
  return SigningKeys.load(db, parseSealingKey(text, keyFiles.path(name)), now).catch((error: unknown) => {
    throw isShared ? explainReplica(error) : error
  })
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
  parts: Parts,
  authorities: Authorities,
  {
    port,
    host = 'localhost',
    names = [],
    tls: shown,
    federation = {},
    requestTimeMs = REQUEST_TIME_MS,
  }: PlatformOptions,
  drills: Drills | undefined,
): Promise<Listening> {
  const hostNames = new HostNames(names, authorities.real ? REAL_HOSTS : [])
  const { all: hosts, origin, originFor } = hostNames
  const servers: Server[] = []
  const certificates = await ServerCertificates.make({ ...authorities, shown })
  const issuers = issuerKeys(parts, federation, hostNames.origins)
  const onFailure = (err: unknown) => app.log.error({ err }, 'token request failed')
  const services = { ...parts, issuers, origin, originFor, hosts }
  const app: FastifyInstance = Fastify({
    // What a drill does is audited; nothing else of the platform says less than an error.
    logger: { level: drills ? 'warn' : 'error', stream: process.stderr },
    genReqId: () => randomUUID(),
    bodyLimit: 4 * 1024 * 1024,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
    rewriteUrl: ({ url = '/' }) => rewriteAppId(url),
    // localhost is two addresses, so two servers, and both get the renewed certificate.
    serverFactory: (handler) => {
      // A fault on demand strikes between the router and the endpoint, so with drills there is no way around it.
      const listener = drills ? handler : tokenDoor({ ...services, onFailure }, handler)
      const server = createServer({ ...certificates.options, ...requestTimes(requestTimeMs) }, listener)
      servers.push(server)
      return server
    },
  })
  app.addHook('onRequest', hostAllowed(hosts))
  parts.signIns.tellFailuresTo((err) => app.log.error({ err }, 'sign-ins not written: they wait'))
  if (drills) await registerDrills(app, drills, parts) // /drills
  await registerRoutes(app, services)
  try {
    await app.listen({ port, host })
  } catch (error) {
    await app.close()
    throw portRefused(port, error)
  }
  const [address] = app.addresses()
  hostNames.listenOn(typeof address === 'object' ? address.port : port)
  const endRenewal = every(CERTIFICATE_RENEWAL_MS, () => void renew(certificates, servers, app))
  const endSchedule = every(KEY_SCHEDULE_MS, () => void keepSchedule(parts.keys, app))
  return {
    origin: origin(),
    close: async () => {
      endRenewal()
      endSchedule()
      await app.close()
    },
  }
}

/** The keys of other identity providers; those of this platform's own tenants are found without asking itself. */
function issuerKeys(
  { keys, now }: Pick<Services, 'keys' | 'now'>,
  { allowPrivateNetwork = false, ca }: FederationOptions,
  origins: () => readonly string[],
): IssuerKeys {
  return new IssuerKeys({
    network: {
      allowPrivate: allowPrivateNetwork,
      ca: ca === undefined ? undefined : [...getCACertificates('default'), ca],
    },
    own: (issuer) =>
      origins().some((origin) => issuer.startsWith(`${origin}/`)) ? (kid) => keys.find(kid)?.key : undefined,
    now,
  })
}

/** Set on the server itself, as Fastify sets nothing on a server that it is given. */
const requestTimes = (requestTimeMs: number) => ({
  requestTimeout: requestTimeMs,
  headersTimeout: requestTimeMs,
  connectionsCheckingInterval: Math.ceil(requestTimeMs / 10),
})

function throttleOf({ throttling = false }: PlatformOptions): Throttle {
  return new Throttle(throttling === true ? 1 : throttling === false ? undefined : throttling)
}

async function keepSchedule(keys: SigningKeys, app: FastifyInstance): Promise<void> {
  try {
    await keys.keepSchedule()
  } catch (error) {
    app.log.error({ err: error }, 'signing keys not changed as scheduled')
  }
}

async function renew(
  certificates: ServerCertificates,
  servers: readonly Server[],
  app: FastifyInstance,
): Promise<void> {
  try {
    await certificates.renew(servers)
  } catch (error) {
    app.log.error({ err: error }, 'server certificate not renewed')
  }
}
