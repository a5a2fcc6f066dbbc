import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metrics as openTelemetry } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import type { JobEvent } from '../events.ts'
import type { DaemonStatus } from './desk.ts'
import { metrics } from './metrics.ts'
import { telemetryListener } from './telemetry.ts'

const RUN = { runId: '7', job: 'provision', tenant: 'contoso.example' }
const TRAFFIC = { tokenRequests: 1, apiRequests: 12, retries: 0, milliseconds: 4_500 }
const ERROR = { code: 'x', message: 'x' }
const EVENTS: readonly JobEvent[] = [
  { type: 'run_started', ...RUN, attempt: 1, resumed: false, waitedMs: 250 },
  { type: 'run_finished', ...RUN, durationMs: 4_500, traffic: TRAFFIC, summary: '' },
  { type: 'run_dead', ...RUN, durationMs: 700, error: ERROR, failures: 10, deaths: 0 },
  { type: 'run_skipped', ...RUN, firingMs: 0 },
  { type: 'worker_died', ...RUN, deaths: 1 },
  { type: 'schedule_missed', job: 'provision', firings: 3, lastFiringMs: 0, caughtUp: true },
  { type: 'engine_failed', during: 'claim', error: ERROR, retryInMs: 500 },
  { type: 'run_progress', ...RUN, done: 1, total: 2, what: 'people' },
]
const STATUS: DaemonStatus = {
  daemon: 'nightly',
  nowMs: 10_000,
  ready: true,
  jobs: [
    {
      job: 'provision',
      schedule: '0 2 * * *',
      timeZone: 'UTC',
      nextAtMs: 60_000,
      paused: true,
      queued: 2,
      running: 1,
      oldestDueAtMs: 4_000,
      last: undefined,
    },
  ],
}

describe('metrics for Prometheus', () => {
  it('count what has happened and say what there is', async () => {
    const kept = metrics()
    for (const event of EVENTS) kept.hear(event)
    const text = await kept.text(STATUS, { cpuSeconds: 1.5, residentBytes: 1e8, startedAtMs: 5_000 })
    for (const line of [
      'tomte_job_runs_total{job="provision",outcome="finished"} 1',
      'tomte_job_runs_total{job="provision",outcome="dead"} 1',
      'tomte_job_runs_total{job="provision",outcome="skipped"} 1',
      'tomte_job_run_duration_seconds_bucket{le="5",job="provision",outcome="finished"} 1',
      'tomte_job_run_duration_seconds_sum{job="provision",outcome="finished"} 4.5',
      'tomte_job_run_wait_seconds_sum{job="provision"} 0.25',
      'tomte_job_token_requests_total{job="provision"} 1',
      'tomte_job_api_requests_total{job="provision"} 12',
      'tomte_job_worker_deaths_total{job="provision"} 1',
      'tomte_job_missed_firings_total{job="provision"} 3',
      'tomte_job_engine_failures_total{during="claim"} 1',
      'tomte_job_unfinished_runs{job="provision",state="queued"} 2',
      'tomte_job_unfinished_runs{job="provision",state="running"} 1',
      'tomte_job_oldest_due_seconds{job="provision"} 6',
      'tomte_job_paused{job="provision"} 1',
      'tomte_job_next_firing_timestamp_seconds{job="provision"} 60',
      'tomte_ready 1',
      'process_cpu_seconds_total 1.5',
      'process_resident_memory_bytes 100000000',
      'process_start_time_seconds 5',
    ])
      assert.ok(text.split('\n').includes(line), `${line} is not in\n${text}`)
    assert.doesNotMatch(text, /contoso/)
  })

  it('forget a job that is gone', async () => {
    const kept = metrics()
    const facts = { cpuSeconds: 0, residentBytes: 0, startedAtMs: 0 }
    await kept.text(STATUS, facts)
    assert.doesNotMatch(await kept.text({ ...STATUS, jobs: [] }, facts), /^tomte_job_paused\{/m)
  })
})

describe('metrics for OpenTelemetry', () => {
  it('are recorded where the program has registered it, and only there', async (t) => {
    const listener = telemetryListener()
    for (const event of EVENTS) listener(event)
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    openTelemetry.setGlobalMeterProvider(provider)
    t.after(async () => {
      openTelemetry.disable()
      await provider.shutdown()
    })
    for (const event of EVENTS) listener(event)
    // The module that records is loaded by the first event.
    await import('./open-telemetry.ts')
    await new Promise((resolve) => setImmediate(resolve))
    await provider.forceFlush()
    const found = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics: all }) => all)
      .flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => [descriptor.name, attributes, value] as const),
      )
    const runs = found.filter(([name]) => name === 'tomte.job.runs')
    assert.deepEqual(
      runs.map(([, attributes, value]) => [attributes, value]),
      ['finished', 'dead', 'skipped'].map((outcome) => [
        { 'tomte.job': 'provision', 'tomte.outcome': outcome },
        1,
      ]),
    )
    const [, , duration] = found.find(([name]) => name === 'tomte.job.run.duration') ?? []
    assert.partialDeepStrictEqual(duration, { sum: 4.5, count: 1 })
  })
})
