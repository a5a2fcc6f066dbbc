import type { JobListener } from '../events.ts'
import { measuresOf } from './measures.ts'

// Where every OpenTelemetry API of this major version keeps what the program has registered: one look tells a program
// without telemetry, which then pays for nothing.
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/** Hands the events of a daemon to OpenTelemetry where the program has registered it, and does nothing where it has not. */
export function telemetryListener(): JobListener {
  let loading: Promise<typeof import('./open-telemetry.ts') | undefined> | undefined
  return (event) => {
    if (!(REGISTERED in globalThis)) return
    const measures = measuresOf(event)
    if (measures.length === 0) return
    loading ??= import('./open-telemetry.ts').catch(() => undefined)
    // A fault of the exporter is its own.
    loading.then((module) => module?.recordMeasures(measures)).catch(() => {})
  }
}
