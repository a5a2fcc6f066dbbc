import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { portRefused } from '../errors.ts'
import type { KeyFiles } from '../key-files.ts'
import { localHosts } from '../host-names.ts'
import { hostAllowed } from '../request-rules.ts'
import { answer, type Host, SourceRefusal, type SourceState } from './answer.ts'
import { ArcKeys } from './arc-keys.ts'
import { ensureIdentities, type ManagedIdentity, type ManagedIdentitySeed } from './identities.ts'
import { RequestWindow } from './request-window.ts'
import { type Facts, type Problem, type Source, type SourceName, SOURCES } from './sources.ts'

/** The endpoints from which hosts in Azure get tokens without a credential, for the first tenant's identities. */
export interface ManagedIdentityOptions {
  /** TCP port on the loopback addresses, plain HTTP as in Azure; 0 takes a free one. */
  readonly port: number
  /** Made if they are not there; none is ever removed. Default: none. */
  readonly identities?: readonly ManagedIdentitySeed[] | undefined
  /**
   * Where Azure Arc's key files are written. Default: `keys/azure-arc` in the data folder. SDKs read them only in
   * `/var/opt/azcmagent/tokens` on Linux and `%ProgramData%\AzureConnectedMachineAgent\Tokens` on Windows.
   */
  readonly arcKeyFolder?: string | undefined
}

/** The endpoints as they run. */
export interface ManagedIdentityHost {
  /** `http://localhost:<port>`. */
  readonly origin: string
  readonly identities: readonly ManagedIdentity[]
  /** One file for each source, mode 0600: the variables that lead SDKs to it, and its secret of this start. */
  readonly environmentFiles: Readonly<Record<SourceName, string>>
}

/** What the endpoints stand on. */
export interface HostParts extends Omit<Host, 'arcKeys'> {
  readonly keyFiles: KeyFiles
  /** SHA-1 of a certificate in hexadecimal, which Service Fabric's SDKs want to be told. */
  readonly thumbprint: string
  /** Called before any route is there, for what watches every request. */
  readonly watch: (app: FastifyInstance) => void
}

const BODY_LENGTH_MAX = 16_384

/**
 * Starts the endpoints on a port of their own (wire.md §10).
 *
 * @throws PlatformError if the port or a key file cannot be used, or an identity cannot be made.
 */
export async function startManagedIdentityHost(
  { keyFiles, thumbprint, watch, ...parts }: HostParts,
  options: ManagedIdentityOptions,
): Promise<{ readonly host: ManagedIdentityHost; close(): Promise<void> }> {
  const identities = await ensureIdentities(parts, options.identities ?? [], parts.now())
  const arcKeys = new ArcKeys(options.arcKeyFolder ?? join(keyFiles.folder, 'azure-arc'))
  let origin = ''
  const app = Fastify({
    logger: { level: 'error', stream: process.stderr },
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LENGTH_MAX,
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
  })
  app.addHook(
    'onRequest',
    hostAllowed(() => localHosts(origin)),
  )
  watch(app)
  const secrets = registerSources(app, { ...parts, arcKeys })
  try {
    await app.listen({ port: options.port, host: 'localhost' })
  } catch (error) {
    await app.close()
    throw portRefused(options.port, error, '--managed-identity')
  }
  const [address] = app.addresses()
  origin = `http://localhost:${typeof address === 'object' ? address.port : options.port}`
  const close = async () => {
    await app.close()
    await arcKeys.close()
  }
  try {
    const environmentFiles = await writeEnvironments(keyFiles, secrets, { origin, thumbprint })
    return { host: { origin, identities, environmentFiles }, close }
  } catch (error) {
    await close()
    throw error
  }
}

type Secrets = ReadonlyMap<SourceName, string>

function registerSources(app: FastifyInstance, host: Host): Secrets {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  const secrets = new Map<SourceName, string>()
  for (const [name, source] of Object.entries(SOURCES) as [SourceName, Source][]) {
    const state = { secret: randomBytes(32).toString('base64url'), window: new RequestWindow() }
    secrets.set(name, state.secret)
    for (const url of source.paths) {
      app.route({
        method: source.method,
        url,
        exposeHeadRoute: false,
        handler: (request, reply) => respond(host, source, state, request, reply),
      })
    }
  }
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1)
    const found = path.slice(0, 200)
    return path.startsWith('/metadata/')
      ? reply.code(401).send({ error: 'unknown_source', error_description: `Unknown Source ${found}` })
      : reply.code(404).send({ error: 'not_found', error_description: `Nothing answers at ${found}` })
  })
  return secrets
}

async function respond(
  host: Host,
  source: Source,
  state: SourceState,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.headers({ 'cache-control': 'no-store', 'x-ms-request-id': request.id })
  const parameters = source.method === 'POST' ? form(request.body) : (request.query as object)
  try {
    const token = await answer(host, source, state, {
      headers: request.headers,
      parameters: parameters as Readonly<Record<string, unknown>>,
    })
    return reply.send(source.token(token))
  } catch (error) {
    if (error instanceof SourceRefusal) return refuse(source, error, request, reply)
    request.log.error({ err: error }, 'managed identity request failed')
    const failed: Problem = {
      status: 500,
      code: 'unknown',
      message: 'Failed to retrieve token from the Active directory. For details see logs of the platform',
    }
    return refuse(source, new SourceRefusal(failed), request, reply)
  }
}

function refuse(
  source: Source,
  { problem, challenge }: SourceRefusal,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (challenge !== undefined) void reply.header('www-authenticate', challenge)
  return reply.code(problem.status).send(source.problem(problem, request.id))
}

/** A doubled parameter becomes a list, as in a query. */
function form(body: unknown): Readonly<Record<string, unknown>> {
  const sent = new URLSearchParams(typeof body === 'string' ? body : '')
  return Object.fromEntries(
    [...new Set(sent.keys())].map((name) => {
      const values = sent.getAll(name)
      return [name, values.length === 1 ? values[0] : values]
    }),
  )
}

async function writeEnvironments(
  keyFiles: KeyFiles,
  secrets: Secrets,
  { origin, thumbprint }: Omit<Facts, 'secret'>,
): Promise<Readonly<Record<SourceName, string>>> {
  const files: Partial<Record<SourceName, string>> = {}
  for (const [name, secret] of secrets) {
    const file = `managed-identity-${name}.env`
    const variables = SOURCES[name].environment({ origin, secret, thumbprint })
    const text = Object.entries(variables).map(([key, value]) => `${key}=${value}\n`)
    await keyFiles.write(file, `environment of the ${name} managed identity endpoint`, text.join(''))
    files[name] = keyFiles.path(file)
  }
  return files as Readonly<Record<SourceName, string>>
}
