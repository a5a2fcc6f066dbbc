import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RunState } from '../engine/engine.ts'
import { JobError } from '../errors.ts'
import type { DatabaseCopy } from './database-copy.ts'
import type { Desk, RunRequest } from './desk.ts'
import type { Readiness } from './health.ts'
import { isLoopback } from './loopback.ts'

/** Where a status server listens, and what it tells. */
export interface StatusServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string | undefined
  /** 0 takes a free one. */
  readonly port: number
  /** Lets other machines ask for health and metrics; nothing else is ever told them. */
  readonly exposeStatus?: boolean | undefined
  /** What may stand in a Host header beside `localhost` and addresses, for other machines. */
  readonly names?: readonly string[] | undefined
  /** The word that whoever looks at runs or decides on them must know. */
  readonly token: string
  readonly desk: Desk
  readonly isAlive: () => boolean
  readonly readiness: () => Promise<Readiness>
  readonly metrics: () => Promise<string>
  /** Makes a copy of the database. */
  readonly copy: (signal: AbortSignal) => Promise<DatabaseCopy>
}

/** A server that tells how a daemon is. */
export interface StatusServer {
  readonly origin: string
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const BODY_MAX_BYTES = 4_096
const INPUT_MAX_BYTES = 1024 * 1024
const REQUEST_WITHIN_MS = 10_000

/**
 * Starts the status server: `/health/live`, `/health/ready` and `/metrics` for whoever can reach it, `/status` for this machine, and
 * with the token `/runs`, what decides on them, and `/backup`.
 *
 * @throws JobError `status_exposure_refused` for an address that other machines reach, unless `exposeStatus` is said;
 * `status_port_unavailable`.
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { host = HOST, port, exposeStatus = false } = options
  if (!isLoopback(host) && !exposeStatus) throw exposureRefused(host)
  const { fastify } = await import('fastify')
  const app = fastify({
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_WITHIN_MS,
    connectionTimeout: REQUEST_WITHIN_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
  })
  app.addHook('onRequest', async (request, reply) => guardRequest(request, reply, options))
  app.setNotFoundHandler((_, reply) => refuse(reply, 404, 'route_unknown'))
  app.setErrorHandler((error, _, reply) => answerError(reply, error))
  addHealth(app, options)
  addRuns(app, options)
  try {
    return { origin: await app.listen({ host, port }), close: () => app.close() }
  } catch (error) {
    await app.close()
    throw portUnavailable(host, port, error)
  }
}

/** What other machines may ask for. */
const OPEN = /^\/(?:health\/(?:live|ready)|metrics)$/

async function guardRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  { names = [], exposeStatus = false }: StatusServerOptions,
): Promise<unknown> {
  // A page in a browser can make a name lead here, but not an address: its own name then stands in the header.
  const name = (request.headers.host ?? '').replace(/:\d{1,5}$/, '').toLowerCase()
  const address = isIP(name.replace(/^\[|\]$/g, '')) !== 0
  const known = exposeStatus ? address : address && isLoopback(name.replace(/^\[|\]$/g, ''))
  if (name !== 'localhost' && !known && !names.includes(name)) return refuse(reply, 403, 'host_refused')
  const [path = ''] = request.url.split('?')
  const asker = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
  if (!OPEN.test(path) && !isLoopback(asker)) return refuse(reply, 403, 'machine_refused')
  reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
  return undefined
}

function addHealth(app: FastifyInstance, { isAlive, readiness, metrics, desk }: StatusServerOptions): void {
  app.get('/health/live', async (_, reply) => {
    const live = isAlive()
    return reply.code(live ? 200 : 503).send({ live })
  })
  app.get('/health/ready', async (_, reply) => {
    const found = await readiness()
    return reply.code(found.ready ? 200 : 503).send(found)
  })
  app.get('/metrics', async (_, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
  )
  app.get('/status', () => desk.status())
}

interface RunsQuery {
  readonly job?: string
  readonly tenant?: string
  readonly state?: RunState
  readonly parent?: string
  readonly before?: string
  readonly limit: number
}

const text = { type: 'string', maxLength: 300 } as const
const RUNS_SCHEMA = {
  type: 'object',
  properties: {
    job: text,
    tenant: text,
    state: text,
    parent: text,
    before: text,
    limit: { type: 'integer', minimum: 1, maximum: 1000, default: 50 },
  },
} as const

const REQUEST_SCHEMA = {
  type: 'object',
  required: ['job', 'input'],
  additionalProperties: false,
  properties: {
    job: text,
    tenant: text,
    input: { type: 'object' },
    notBeforeMs: { type: 'integer', minimum: 0 },
  },
} as const

function addRuns(app: FastifyInstance, { desk, token, copy }: StatusServerOptions): void {
  void app.register(async (inner) => {
    inner.addHook('onRequest', async (request, reply) =>
      isSame(request.headers.authorization ?? '', `Bearer ${token}`)
        ? undefined
        : refuse(reply.header('www-authenticate', 'Bearer'), 401, 'token_needed'),
    )
    inner.get<{ Querystring: RunsQuery }>(
      '/runs',
      { schema: { querystring: RUNS_SCHEMA } },
      async ({ query: { state, ...query } }) => ({
        runs: await desk.runs({ ...query, states: state === undefined ? undefined : [state] }),
      }),
    )
    type OfRun = { Params: { readonly id: string } }
    inner.get<OfRun>('/runs/:id', ({ params }) => desk.run(params.id))
    inner.post<{ Body: RunRequest }>(
      '/runs',
      { schema: { body: REQUEST_SCHEMA }, bodyLimit: INPUT_MAX_BYTES },
      ({ body }) => desk.start(body),
    )
    inner.post<OfRun>('/runs/:id/retry', ({ params }) => desk.retry(params.id))
    inner.post<OfRun>('/runs/:id/cancel', ({ params }) => desk.cancel(params.id))
    for (const [word, paused] of [
      ['pause', true],
      ['resume', false],
    ] as const) {
      inner.post<{ Params: { readonly job: string } }>(`/jobs/:job/${word}`, async ({ params }) => {
        await desk.pause(params.job, paused)
        return { job: params.job, paused }
      })
    }
    inner.post('/backup', async (_, reply) => sendCopy(reply, copy))
  })
}

/** Sends a copy of the database; it is not made to its end for somebody who has gone. */
async function sendCopy(reply: FastifyReply, copy: StatusServerOptions['copy']): Promise<FastifyReply> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  // Nothing passes here while a large database is copied.
  reply.raw.socket?.setTimeout(0)
  const { bytes, stream } = await copy(gone.signal)
  return reply.type('application/vnd.sqlite3').header('content-length', bytes).send(stream)
}

/** Compares without telling by the time it takes how much of it was right. */
function isSame(given: string, wanted: string): boolean {
  const digest = (word: string) => createHash('sha256').update(word).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

const REFUSALS: Readonly<Record<string, string>> = {
  host_refused:
    'Cannot answer under this name, as only names of this machine are: found another in the Host header',
  machine_refused:
    'Cannot tell this to another machine, as only health and metrics are told: found another address',
  route_unknown: 'Cannot find the page, as it must be one of the status API: found another',
  token_needed:
    'Cannot show or change runs, as the token in daemon.json of the data folder is needed: found another or none',
}

const refuse = (reply: FastifyReply, status: number, code: string) =>
  reply.code(status).send({ error: { code, message: REFUSALS[code] } })

const STATUSES: Readonly<Record<string, number>> = {
  run_unknown: 404,
  job_unknown: 404,
  job_input_invalid: 400,
  run_unfinished: 409,
  run_ended: 409,
  backup_by_database: 409,
  backup_running: 409,
  disk_full: 507,
}

function answerError(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof JobError) {
    const { code, message, hint } = error
    return reply.code(STATUSES[code] ?? 503).send({ error: { code, message, hint } })
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  const wrong = status >= 400 && status < 500
  const message =
    wrong && error instanceof Error ? error.message : 'Cannot answer: something unexpected happened'
  return reply
    .code(wrong ? status : 500)
    .send({ error: { code: wrong ? 'request_invalid' : 'unexpected', message } })
}

function exposureRefused(host: string): JobError {
  return new JobError(
    `Cannot tell the status on '${host}', as other machines may reach it only if that is wanted: exposeStatus is not set`,
    {
      code: 'status_exposure_refused',
      hint: 'Say --expose-status: other machines then see health and metrics, without TLS, and nothing else',
    },
  )
}

function portUnavailable(host: string, port: number, error: unknown): JobError {
  const found = error instanceof Error && 'code' in error ? String(error.code) : 'another fault'
  return new JobError(
    `Cannot tell the status on port ${port} of ${host}, as the port must be free and allowed: found ${found}`,
    { code: 'status_port_unavailable', hint: 'Choose another with --status-port; 0 takes a free one' },
  )
}
