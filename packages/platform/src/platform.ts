import { createServer, type Server } from 'node:https'
import { getCACertificates } from 'node:tls'
import { randomInt, randomUUID, X509Certificate } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { announced } from './announcement.ts'
import { SignInLog } from './audit/sign-in-log.ts'
import { every, type Now, systemNow } from './clock.ts'
import { Drills } from './drill/drills.ts'
import { registerDrills } from './drill/routes.ts'
import { LaggingReads, Replication } from './drill/replication.ts'
import { runScript } from './drill/script.ts'
import { watch } from './drill/watch.ts'
import type { SigningKeys } from './discovery/signing-keys.ts'
import { openSigningKeys } from './discovery/stored-keys.ts'
import { portRefused } from './errors.ts'
import { requireSafeExposure } from './exposure.ts'
import { ensureTenants } from './registration/tenants-at-start.ts'
import { directoryGuard } from './graph/guard.ts'
import { Throttle } from './graph/throttle.ts'
import { HostNames } from './host-names.ts'
import { KeyFiles } from './key-files.ts'
import {
  type HostParts,
  type ManagedIdentityOptions,
  startManagedIdentityHost,
} from './managed-identity/server.ts'
import { ensureOperator, type FirstTenant, type Operator } from './operator.ts'
import type { FederationOptions, Platform, PlatformOptions } from './platform-options.ts'
import { hostAllowed, rewriteAlternateKey } from './request-rules.ts'
import { Sessions } from './portal/sessions.ts'
import { exportState } from './state/export.ts'
import { seedState } from './state/seed.ts'
import { firstTenantOf, readStateFile, type StateFile } from './state/state-file.ts'
import { registerRoutes } from './routes.ts'
import type { Services } from './services.ts'
import type { Database } from './store/database.ts'
import { joined } from './store/joined.ts'
import { AUDIT_RETENTION_DAYS, requireRetention, startPruning } from './store/pruning.ts'
import { openStore, type Store } from './store/store.ts'
import { tokenDoor } from './token/door.ts'
import { IssuerKeys } from './token/issuer-keys.ts'
import { RequestLoops } from './token/loops.ts'
import { UsedAssertions } from './token/used-assertions.ts'
import { LocalAuthority, REAL_HOSTS } from './tls/local-authority.ts'
import { type Authorities, ServerCertificates } from './tls/server-certificates.ts'

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
  requireRetention(options.auditRetentionDays)
  const loops = loopsOf(options)
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
    const lifetimeSeconds = options.randomLifetimes === true ? randomLifetime : undefined
    const services = { ...servicesOf(store, keys, now, options), loops, lifetimeSeconds }
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
    const platform: Platform = {
      origin: app.origin,
      localOrigin: app.localOrigin,
      graphUrl: `${app.origin}/graph/v1.0`,
      ca: authority.certificate,
      caFile: authority.certificateFile,
      operator,
      realHosts: real && { names: REAL_HOSTS, ca: real.certificate, caFile: real.certificateFile },
      keyFiles,
      managedIdentity: managedIdentity?.host,
      drillsUrl: drills && `${app.localOrigin}/drills`,
      rotateSigningKey: () => keys.rotate(),
      exportState: () => exportState(db),
      close: async () => {
        endScript()
        await Promise.all([app.close(), managedIdentity?.close()])
        await services.signIns.close()
        await store.close()
      },
    }
    return await announced(dataFolder, platform, app.onUnannounced)
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
function servicesOf(
  { db, cache }: Store,
  keys: SigningKeys,
  now: Now,
  options: PlatformOptions,
): Omit<Parts, 'loops'> {
  const replication = options.drills === true ? new Replication(db, now) : undefined
  return {
    db,
    cache: replication ? new LaggingReads(cache, replication) : cache,
    keys,
    guard: directoryGuard({ keys, cache, now }),
    now,
    sessions: new Sessions(db, now),
    assertions: new UsedAssertions({ db, now }),
    signIns: new SignInLog({ db }),
    throttle: throttleOf(options),
    replication,
  }
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
  readonly localOrigin: string
  readonly onUnannounced: (error: unknown) => void
  close(): Promise<void>
}

async function listen(
  parts: Parts,
  authorities: Authorities,
  {
    port,
    host = 'localhost',
    names = [],
    publicOrigin,
    tls: shown,
    federation = {},
    requestTimeMs = REQUEST_TIME_MS,
    auditRetentionDays = AUDIT_RETENTION_DAYS,
  }: PlatformOptions,
  drills: Drills | undefined,
): Promise<Listening> {
  const hostNames = new HostNames(names, authorities.real ? REAL_HOSTS : [], publicOrigin)
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
    rewriteUrl: ({ url = '/' }) => rewriteAlternateKey(url),
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
  hostNames.listenOn(await portOf(app, { port, host }))
  const endUpkeep = upkeep(parts, app, {
    renewCertificates: () => certificates.renew(servers),
    auditRetentionDays,
  })
  return {
    origin: origin(),
    localOrigin: hostNames.localOrigin(),
    onUnannounced: (err) => app.log.error({ err }, 'platform.json: not as it should be'),
    close: async () => {
      await endUpkeep()
      await app.close()
    },
  }
}

/** Listens, and returns the port. @throws PlatformError if it is not free. */
async function portOf(
  app: FastifyInstance,
  at: { readonly port: number; readonly host: string },
): Promise<number> {
  try {
    await app.listen(at)
  } catch (error) {
    await app.close()
    throw portRefused(at.port, error)
  }
  const [address] = app.addresses()
  return typeof address === 'object' ? address.port : at.port
}

interface Upkeep {
  readonly renewCertificates: () => Promise<void>
  readonly auditRetentionDays: number
}

/** What is done from time to time; the returned function ends it. */
function upkeep(
  { db, now, keys }: Parts,
  { log }: FastifyInstance,
  { renewCertificates, auditRetentionDays }: Upkeep,
): () => Promise<void> {
  const told = (what: string) => (err: unknown) => log.error({ err }, what)
  const endRenewal = every(
    CERTIFICATE_RENEWAL_MS,
    () => void renewCertificates().catch(told('server certificate not renewed')),
  )
  const endSchedule = every(
    KEY_SCHEDULE_MS,
    () => void keys.keepSchedule().catch(told('signing keys not changed as scheduled')),
  )
  const endPruning = startPruning({ db, now, auditRetentionDays }, told('what is over was not deleted'))
  return async () => {
    endRenewal()
    endSchedule()
    await endPruning()
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

// 60 to 90 minutes (wire.md §12).
const randomLifetime = () => randomInt(3600, 5401)

function loopsOf({ loopDetection = false }: PlatformOptions): RequestLoops | undefined {
  return loopDetection === false ? undefined : new RequestLoops(loopDetection)
}

function throttleOf({ throttling = false }: PlatformOptions): Throttle {
  return new Throttle(throttling === true ? 1 : throttling === false ? undefined : throttling)
}
