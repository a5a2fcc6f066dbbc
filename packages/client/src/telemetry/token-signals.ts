import {
  type Attributes,
  type Meter,
  type MeterProvider,
  metrics,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { IdentityEvent, TokenObtained, TokenRefused } from '../events.ts'
import { DURATION_BUCKETS, errorType, SCOPE_NAME, serverAttributes } from './attributes.ts'

/** What is looked at whenever metrics are collected. */
export interface Observed {
  readonly clientId: string
  /** How many tokens are cached, over all tenants. */
  readonly tokensCached: () => number
  /** The end of each credential, in order, where it is known. */
  readonly credentialExpiries: () => readonly (number | undefined)[]
  readonly now: () => number
}

/** An event, when it happened, and whose it is. */
export interface Heard {
  readonly event: IdentityEvent
  readonly atMs: number
  readonly observed: Observed
}

/** Makes of an event what OpenTelemetry keeps of it. Tenants are in spans alone: there may be 100,000 of them. */
export function recordEvent({ event, atMs, observed }: Heard): void {
  const instruments = instrumentsOf(metrics.getMeterProvider())
  instruments.watch(observed)
  const client = { 'tomte.client_id': observed.clientId }
  if (event.type === 'token_obtained' || event.type === 'token_refused') {
    recordRequest(instruments, event, client)
    traceRequest(event, atMs, client)
    return
  }
  instruments.count(event, client)
}

function recordRequest(
  { requests, durations }: Instruments,
  event: TokenObtained | TokenRefused,
  client: Attributes,
): void {
  const outcome =
    event.type === 'token_obtained'
      ? { 'tomte.outcome': 'obtained' }
      : { 'tomte.outcome': 'refused', 'error.type': errorType(event.error) }
  requests.add(1, { ...client, ...outcome })
  durations.record(event.durationMs / 1000, { ...client, ...outcome })
}

/** The event comes when the request is over, so its span is written down as a whole, below whatever caused the request. */
function traceRequest(event: TokenObtained | TokenRefused, atMs: number, client: Attributes): void {
  const { tenant, scope, endpoint, status } = event
  const attributes: Attributes = {
    ...client,
    'tomte.tenant': tenant,
    'tomte.scope': scope,
    ...(endpoint === undefined ? {} : serverAttributes(new URL(endpoint))),
    ...(status === undefined ? {} : { 'http.response.status_code': status }),
  }
  const span = trace.getTracer(SCOPE_NAME).startSpan('token request', {
    kind: SpanKind.CLIENT,
    startTime: new Date(atMs - event.durationMs),
    attributes,
  })
  if (event.type === 'token_refused') {
    span.setAttribute('error.type', errorType(event.error))
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end(new Date(atMs))
}

type Instruments = ReturnType<typeof makeInstruments>
const made = new WeakMap<MeterProvider, Instruments>()

/** The instruments of the provider of the moment: it may be registered later than the first token request. */
function instrumentsOf(provider: MeterProvider): Instruments {
  const known = made.get(provider)
  if (known) return known
  const instruments = makeInstruments(provider.getMeter(SCOPE_NAME))
  made.set(provider, instruments)
  return instruments
}

type Counted = Exclude<IdentityEvent, TokenObtained | TokenRefused>
type Counting<Event> = {
  readonly name: string
  readonly description: string
  readonly attributes: (event: Event) => Attributes
}

/** The events that are counted and no more; the compiler asks for each type of event. */
const COUNTED: { readonly [Type in Counted['type']]: Counting<Extract<Counted, { readonly type: Type }>> } = {
  renewal_failed: {
    name: 'tomte.token.renewal_failures',
    description: 'Renewals that failed while the old token still worked.',
    attributes: ({ error }) => ({ 'error.type': errorType(error) }),
  },
  credential_refused: {
    name: 'tomte.credential.refusals',
    description: 'Credentials that the authority refused while there was another.',
    attributes: ({ credential, error }) => ({
      'tomte.credential.index': credential,
      'error.type': errorType(error),
    }),
  },
  credential_expiring: {
    name: 'tomte.credential.expirations',
    description: 'Announcements that a credential ends within 30, 7 or 1 days, or has ended.',
    attributes: ({ credential, daysLeft }) => ({
      // A key id is one of too many for a metric.
      ...(typeof credential === 'number' ? { 'tomte.credential.index': credential } : {}),
      'tomte.credential.days_left': daysLeft,
    }),
  },
  store_warning: {
    name: 'tomte.store.warnings',
    description: 'Troubles of the shared store; each token was got all the same.',
    attributes: ({ code }) => ({ 'error.type': code }),
  },
}

function makeInstruments(meter: Meter) {
  return {
    requests: meter.createCounter('tomte.token.requests', {
      description: 'Token requests, by outcome.',
      unit: '{request}',
    }),
    durations: meter.createHistogram('tomte.token.request.duration', {
      description: 'Duration of token requests.',
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    }),
    count: counting(meter),
    watch: watching(meter),
  }
}

function counting(meter: Meter): (event: Counted, client: Attributes) => void {
  const counters = new Map(
    Object.entries(COUNTED).map(([type, { name, description }]) => [
      type,
      meter.createCounter(name, { description, unit: '{event}' }),
    ]),
  )
  return (event, client) => {
    const { attributes } = COUNTED[event.type] as Counting<Counted>
    counters.get(event.type)?.add(1, { ...client, ...attributes(event) })
  }
}

/** Gauges over all applications that have been heard of; one that the program has dropped is not kept for them. */
function watching(meter: Meter): (observed: Observed) => void {
  const known = new WeakSet<Observed>()
  const watched = new Set<WeakRef<Observed>>()
  const present = () =>
    [...watched].flatMap((reference) => {
      const observed = reference.deref()
      if (!observed) watched.delete(reference)
      return observed ?? []
    })
  const cached = { description: 'Tokens in memory, over all tenants.', unit: '{token}' }
  meter.createObservableGauge('tomte.tokens.cached', cached).addCallback((result) => {
    const sums = new Map<string, number>()
    for (const { clientId, tokensCached } of present())
      sums.set(clientId, (sums.get(clientId) ?? 0) + tokensCached())
    for (const [clientId, sum] of sums) result.observe(sum, { 'tomte.client_id': clientId })
  })
  const life = { description: 'Time until a credential expires; negative when it has.', unit: 's' }
  meter.createObservableGauge('tomte.credential.time_to_expiry', life).addCallback((result) => {
    for (const { clientId, credentialExpiries, now } of present()) {
      for (const [index, expiresAtMs] of credentialExpiries().entries()) {
        const attributes = { 'tomte.client_id': clientId, 'tomte.credential.index': index }
        if (expiresAtMs !== undefined) result.observe((expiresAtMs - now()) / 1000, attributes)
      }
    }
  })
  return (observed) => {
    if (known.has(observed)) return
    known.add(observed)
    watched.add(new WeakRef(observed))
  }
}
