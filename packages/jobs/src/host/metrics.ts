import type { JobListener } from '../events.ts'
import type { DaemonStatus } from './desk.ts'
import { measuresOf } from './measures.ts'
import type { ProcessFacts, Prometheus } from './prometheus.ts'

/** Counts what happens in a daemon, for Prometheus. */
export interface Metrics {
  readonly hear: JobListener
  text(status: DaemonStatus, process: ProcessFacts): Promise<string>
}

/** Metrics whose library is loaded by the first thing that is counted: an idle daemon that nobody asks does without. */
export function metrics(): Metrics {
  let loading: Promise<Prometheus> | undefined
  const load = () => (loading ??= import('./prometheus.ts').then(({ prometheus }) => prometheus()))
  return {
    hear(event) {
      const measures = measuresOf(event)
      if (measures.length > 0) load().then((kept) => kept.record(measures), ignored)
    },
    text: async (status, process) => (await load()).text(status, process),
  }
}

// Whoever asks for the metrics is told.
const ignored = () => {}
