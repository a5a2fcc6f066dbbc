import { STATUS_CODES } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'hono/html'
import type { Now } from '../clock.ts'
import { requestIds } from '../token/request-ids.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { sendPage } from './layout.ts'

const FORM_LENGTH_MAX = 16 * 1024

const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  // Not no-referrer: under that, a browser sends `Origin: null` with our own forms (Fetch standard, "append a
  // request `Origin` header"), and the check below could not tell them from a stranger's.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** A page cannot be shown or a form cannot be taken; the text tells the person at the browser what to do. */
export class PageRefusal extends Error {
  override readonly name = 'PageRefusal'
  readonly status: number

  constructor(status: number, text: string) {
    super(text)
    this.status = status
  }
}

interface Surroundings {
  readonly origin: () => string
  readonly now: Now
}

/**
 * What holds for every page that a browser shows: its headers, forms from our own pages alone (against cross-
 * site request forgery), and refusals that are pages too. Call it before the scope's routes are added.
 */
export function browserRules(scope: FastifyInstance, { origin, now }: Surroundings): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LENGTH_MAX },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  )
  scope.addHook('onRequest', async (request, reply) => {
    reply.headers(PAGE_HEADERS)
    if (request.method === 'POST') requireOwnOrigin(request, new URL(origin()).origin)
  })
  scope.setErrorHandler(async (error, request, reply) => sendRefusal(error, request, reply, now()))
}

function requireOwnOrigin(request: FastifyRequest, origin: string): void {
  if (request.headers.origin === origin) return
  throw new PageRefusal(
    403,
    `This form did not come from ${origin}, so nothing was changed. Try again at ${origin}/portal.`,
  )
}

async function sendRefusal(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  nowMs: number,
): Promise<FastifyReply> {
  const status = statusOf(error)
  if (status >= 500) request.log.error({ err: error }, 'page failed')
  const { traceId, correlationId } = requestIds(request)
  const text =
    status >= 500 || !(error instanceof Error)
      ? 'The platform could not do this. Its log, on standard error, says why.'
      : error.message
  return sendPage(reply.code(status), {
    title: STATUS_CODES[status] ?? 'Error',
    main: html`<h1>That did not work</h1>
<p class="notice">${text}</p>
<dl class="small">
<dt>Trace ID</dt><dd><code>${traceId}</code></dd>
<dt>Correlation ID</dt><dd><code>${correlationId}</code></dd>
<dt>Time</dt><dd><code>${new Date(nowMs).toISOString()}</code></dd>
</dl>
<p><a href="/portal">Go to the overview</a></p>`,
  })
}

function statusOf(error: unknown): number {
  if (error instanceof PageRefusal || error instanceof TokenRefusal) return error.status
  // Fastify's own refusals, such as a form that is too long.
  const refused = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  return refused >= 400 && refused < 500 ? refused : 500
}

/** The fields of a form that was sent; none, if it was sent without a body. */
export const formOf = ({ body }: FastifyRequest): URLSearchParams =>
  body instanceof URLSearchParams ? body : new URLSearchParams()

/** What stands behind the `?` of a request's URL, as it was sent. */
export function queryTextOf({ url }: FastifyRequest): string {
  const start = url.indexOf('?')
  return start < 0 ? '' : url.slice(start + 1)
}
