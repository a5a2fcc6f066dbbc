import { createServer, type Server } from 'node:https'
import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { every, type Now, systemNow } from './clock.ts'
import { parseSealingKey, makeSealingKey } from './discovery/sealing.ts'
import { SigningKeys } from './discovery/signing-keys.ts'
import { errorCode, PlatformError } from './errors.ts'
import { KeyFiles } from './key-files.ts'
import { ensureOperator, type FirstTenant, type Operator } from './operator.ts'
import { hostAllowed, rewriteAppId } from './request-rules.ts'
import { Sessions } from './portal/sessions.ts'
import { registerRoutes } from './routes.ts'
import type { Services } from './services.ts'
import { type Database, openDatabase } from './store/database.ts'
import { LocalAuthority } from './tls/local-authority.ts'

/** Where the platform keeps its data and listens. */
export interface PlatformOptions {
  /** Where everything is kept; made if it is not there. One process at a time. */
  readonly dataFolder: string
  /** TCP port on the loopback addresses; 0 takes a free one. */
  readonly port: number
  /** The tenant that a new data folder starts with. Default: contoso.example. */
  readonly tenant?: FirstTenant | undefined
  readonly now?: Now | undefined
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
  const { dataFolder, now = systemNow, tenant = FIRST_TENANT } = options
  const db = await openDatabase(dataFolder)
  try {
    const keyFiles = new KeyFiles(dataFolder)
    const authority = await LocalAuthority.open(dataFolder, keyFiles, now)
    const [keys, operator] = await Promise.all([
      openSigningKeys(db, keyFiles, now),
      ensureOperator({ db, keyFiles, now, tenant }),
    ])
    const services = { db, keys, now, sessions: new Sessions(now) }
    const app = await listen(services, authority, options.port)
    return {
      origin: app.origin,
      graphUrl: `${app.origin}/graph/v1.0`,
      ca: authority.certificate,
      caFile: authority.certificateFile,
      operator,
      keyFiles,
      close: async () => {
        await app.close()
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

interface Listening {
  readonly origin: string
  close(): Promise<void>
}

async function listen(
  parts: Omit<Services, 'origin'>,
  authority: LocalAuthority,
  port: number,
): Promise<Listening> {
  let origin = ''
  const servers: Server[] = []
  const tls = await tlsOptions(authority)
  const app = Fastify({
    logger: { level: 'error', stream: process.stderr },
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
  await registerRoutes(app, { ...parts, origin: () => origin })
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

function portRefused(port: number, error: unknown): unknown {
  const code = errorCode(error)
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const found = code === 'EACCES' ? 'this user may not' : 'another program listens there'
  return new PlatformError(`Cannot listen on port ${port} of localhost, as the port must be free: ${found}`, {
    code: 'port_unavailable',
    hint: 'Stop the other program, or choose another port with --port',
    cause: error,
  })
}
