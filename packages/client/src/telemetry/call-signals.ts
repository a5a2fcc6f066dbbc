import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  metrics,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { Incoming, Outgoing, Send } from '../call/transport.ts'
import { DURATION_BUCKETS, errorType, SCOPE_NAME, serverAttributes } from './attributes.ts'

/** One attempt of a call to a web API. */
export interface Attempt {
  readonly outgoing: Outgoing
  /** How often the same call has been sent before. */
  readonly resends: number
  readonly now: () => number
}

const METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
])
// The key that every tracer of OpenTelemetry's SDK heeds. The instrumentation of undici would add a second span and a
// second `traceparent`, and two of these count as none (W3C Trace Context §2.2.2).
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * Sends one attempt inside a client span and hands the trace on by the headers that the application's propagator sets, such as
 * `traceparent`; headers of the caller's own come first (OpenTelemetry's semantic conventions for HTTP).
 */
export async function observedAttempt(send: Send, { outgoing, resends, now }: Attempt): Promise<Incoming> {
  const url = new URL(outgoing.origin + outgoing.path)
  const facts = { ...methodAttributes(outgoing.method), ...serverAttributes(url) }
  const span = trace.getTracer(SCOPE_NAME).startSpan(spanName(facts), {
    kind: SpanKind.CLIENT,
    attributes: {
      ...facts,
      // Without the query, which may name people and carry secrets.
      'url.full': `${url.origin}${url.pathname}`,
      ...(resends === 0 ? {} : { 'http.request.resend_count': resends }),
    },
  })
  const spanContext = trace.setSpan(context.active(), span)
  const startMs = now()
  const end = (outcome: Attributes) =>
    quietly(() => {
      endSpan(span, outcome)
      durations().record((now() - startMs) / 1000, { ...facts, ...outcome })
    })
  try {
    const headers = { ...injected(spanContext), ...outgoing.headers }
    const attempt = () => send({ ...outgoing, headers })
    const incoming = await context.with(spanContext.setValue(SUPPRESSED, true), attempt)
    end(statusAttributes(incoming.status))
    return incoming
  } catch (error) {
    end({ 'error.type': errorType(error) })
    throw error
  }
}

function methodAttributes(method: string): Attributes {
  if (METHODS.has(method)) return { 'http.request.method': method }
  return { 'http.request.method': '_OTHER' }
}

/** The method alone: a path is not one of few, and a template is not known. */
function spanName({ 'http.request.method': method }: Attributes): string {
  return method === '_OTHER' ? 'HTTP' : String(method)
}

function statusAttributes(status: number): Attributes {
  const failed = status >= 400 ? { 'error.type': String(status) } : {}
  return { 'http.response.status_code': status, ...failed }
}

function endSpan(span: Span, outcome: Attributes): void {
  span.setAttributes(outcome)
  if ('error.type' in outcome) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

function injected(spanContext: Context): Record<string, string> {
  const headers: Record<string, string> = {}
  const set = (carrier: Record<string, string>, name: string, value: string) => {
    carrier[name.toLowerCase()] = value
  }
  quietly(() => propagation.inject(spanContext, headers, { set }))
  return headers
}

/** What the application plugs into OpenTelemetry may fail; the call must not. */
function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // Its fault is its own.
  }
}

/** The meter provider may be registered later than the tracer, so the instrument is asked for each time; the SDK keeps it. */
const durations = () =>
  metrics.getMeter(SCOPE_NAME).createHistogram('http.client.request.duration', {
    description: 'Duration of HTTP client requests.',
    unit: 's',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  })
