import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { DaemonStatus } from './desk.ts'
import { INSTRUMENTS, type Instrument, type InstrumentName, type Measure, RUN_BUCKETS } from './measures.ts'

/** The registry that Prometheus reads; loaded when there is something to keep or somebody asks. */
export interface Prometheus {
  record(measures: readonly Measure[]): void
  /** The text of version 0.0.4 of the exposition format. */
  text(status: DaemonStatus, process: ProcessFacts): Promise<string>
}

/** What a process is to those who watch it. */
export interface ProcessFacts {
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly startedAtMs: number
}

/** `tomte.job.run.duration` in seconds is `tomte_job_run_duration_seconds`, and a counter ends with `_total`. */
const nameOf = (name: string, { kind, unit }: Instrument) =>
  `${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}${kind === 'counter' ? '_total' : ''}`

/** Makes a registry with every instrument, and gauges of what there is at the moment. */
export function prometheus(): Prometheus {
  const registry = new Registry()
  const registers = [registry]
  const all = Object.entries<Instrument>(INSTRUMENTS).map(([name, instrument]) => {
    const options = {
      name: nameOf(name, instrument),
      help: instrument.description,
      labelNames: [...instrument.labels],
      registers,
    }
    const kept =
      instrument.kind === 'counter'
        ? new Counter(options)
        : new Histogram({ ...options, buckets: RUN_BUCKETS })
    return [name, kept] as const
  })
  const instruments = new Map<string, (typeof all)[number][1]>(all)
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers })
  const gauges = {
    runs: gauge('tomte_job_unfinished_runs', 'Runs that are queued or running.', ['job', 'state']),
    due: gauge('tomte_job_oldest_due_seconds', 'How long the oldest queued run has been due.', ['job']),
    paused: gauge('tomte_job_paused', '1 of a job that is paused.', ['job']),
    next: gauge('tomte_job_next_firing_timestamp_seconds', 'When the job is done next.', ['job']),
    ready: gauge('tomte_ready', '1 if database, scheduler and worker answer.'),
    cpu: gauge('process_cpu_seconds_total', 'CPU time of the process.'),
    resident: gauge('process_resident_memory_bytes', 'Resident memory of the process.'),
    start: gauge('process_start_time_seconds', 'When the process was started, since 1970.'),
  }
  return {
    record(measures) {
      for (const measure of measures) add(instruments.get(measure.name), measure)
    },
    async text(status, { cpuSeconds, residentBytes, startedAtMs }) {
      for (const each of [gauges.runs, gauges.due, gauges.paused, gauges.next]) each.reset()
      for (const { job, queued, running, oldestDueAtMs, paused, nextAtMs } of status.jobs) {
        gauges.runs.set({ job, state: 'queued' }, queued)
        gauges.runs.set({ job, state: 'running' }, running)
        gauges.paused.set({ job }, paused ? 1 : 0)
        if (oldestDueAtMs !== undefined)
          gauges.due.set({ job }, Math.max(0, status.nowMs - oldestDueAtMs) / 1000)
        if (nextAtMs !== undefined) gauges.next.set({ job }, nextAtMs / 1000)
      }
      gauges.ready.set(status.ready ? 1 : 0)
      gauges.cpu.set(cpuSeconds)
      gauges.resident.set(residentBytes)
      gauges.start.set(startedAtMs / 1000)
      return registry.metrics()
    },
  }
}

function add(instrument: Counter | Histogram | undefined, { value, labels }: Measure): void {
  if (instrument instanceof Histogram) instrument.observe(labels, value)
  else instrument?.inc(labels, value)
}

/** @internal for the table of metrics in the documentation and its test. */
export const prometheusName = (name: InstrumentName): string => nameOf(name, INSTRUMENTS[name])
