import type { JobEvent } from '../events.ts'

/** Something that is counted, or whose distribution is kept. Durations are in seconds. */
export interface Instrument {
  readonly kind: 'counter' | 'histogram'
  readonly description: string
  readonly unit: string
  readonly labels: readonly string[]
}

/** All that is measured, by the names of OpenTelemetry; tenants are no label, since there may be 100,000 of them. */
export const INSTRUMENTS = {
  'tomte.job.runs': {
    kind: 'counter',
    description: 'Attempts that have ended, by outcome.',
    unit: '{run}',
    labels: ['job', 'outcome'],
  },
  'tomte.job.run.duration': {
    kind: 'histogram',
    description: 'Duration of attempts.',
    unit: 's',
    labels: ['job', 'outcome'],
  },
  'tomte.job.run.wait': {
    kind: 'histogram',
    description: 'How long runs were due before they were started.',
    unit: 's',
    labels: ['job'],
  },
  'tomte.job.token_requests': {
    kind: 'counter',
    description: 'Token requests of finished runs.',
    unit: '{request}',
    labels: ['job'],
  },
  'tomte.job.api_requests': {
    kind: 'counter',
    description: 'Calls of finished runs, repetitions included.',
    unit: '{request}',
    labels: ['job'],
  },
  'tomte.job.worker_deaths': {
    kind: 'counter',
    description: 'Runs that were taken back from a dead worker.',
    unit: '{run}',
    labels: ['job'],
  },
  'tomte.job.leases_lost': {
    kind: 'counter',
    description: 'Runs that another worker has taken over.',
    unit: '{run}',
    labels: ['job'],
  },
  'tomte.job.missed_firings': {
    kind: 'counter',
    description: 'Firings that passed while nothing ran.',
    unit: '{firing}',
    labels: ['job'],
  },
  'tomte.job.engine_failures': {
    kind: 'counter',
    description: 'Times that the engine did not answer.',
    unit: '{failure}',
    labels: ['during'],
  },
} as const satisfies Readonly<Record<string, Instrument>>

/** The name of an instrument. */
export type InstrumentName = keyof typeof INSTRUMENTS

/** Bounds of buckets for the durations of runs, in seconds: from a tenth of a second to a day. */
export const RUN_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400]

/** One value for one instrument. */
export interface Measure {
  readonly name: InstrumentName
  readonly value: number
  readonly labels: Readonly<Record<string, string>>
}

/** What an event adds to the metrics. */
export function measuresOf(event: JobEvent): readonly Measure[] {
  switch (event.type) {
    case 'run_started':
      return [measure('tomte.job.run.wait', event.waitedMs / 1000, { job: event.job })]
    case 'run_finished':
      return [
        ...ended(event, 'finished', event.durationMs),
        measure('tomte.job.token_requests', event.traffic.tokenRequests, { job: event.job }),
        measure('tomte.job.api_requests', event.traffic.apiRequests, { job: event.job }),
      ]
    case 'run_retried':
      return ended(event, 'retried', event.durationMs)
    case 'run_dead':
      return ended(event, 'dead', event.durationMs)
    case 'run_unconsented':
      return ended(event, 'unconsented', undefined)
    case 'run_cancelled':
      return ended(event, 'cancelled', undefined)
    case 'run_superseded':
      return ended(event, 'superseded', undefined)
    case 'run_released':
      return ended(event, 'released', undefined)
    case 'run_skipped':
      return ended(event, 'skipped', undefined)
    case 'run_stuck':
      return ended(event, 'stuck', undefined)
    case 'worker_died':
      return [measure('tomte.job.worker_deaths', 1, { job: event.job })]
    case 'lease_lost':
      return [measure('tomte.job.leases_lost', 1, { job: event.job })]
    case 'schedule_missed':
      return [measure('tomte.job.missed_firings', event.firings, { job: event.job })]
    case 'engine_failed':
      return [measure('tomte.job.engine_failures', 1, { during: event.during })]
    default:
      return []
  }
}

const measure = (name: InstrumentName, value: number, labels: Measure['labels']): Measure => ({
  name,
  value,
  labels,
})

function ended(
  { job }: { readonly job: string },
  outcome: string,
  durationMs: number | undefined,
): readonly Measure[] {
  const labels = { job, outcome }
  const counted = measure('tomte.job.runs', 1, labels)
  if (durationMs === undefined) return [counted]
  return [counted, measure('tomte.job.run.duration', durationMs / 1000, labels)]
}
