import type { Incoming, Send } from '../call/transport.ts'
import type { Listener } from '../events.ts'
import type { Attempt } from './call-signals.ts'
import { whenPresent } from './presence.ts'
import type { Observed } from './token-signals.ts'

const tokenSignals = whenPresent(() => import('./token-signals.ts'))
const callSignals = whenPresent(() => import('./call-signals.ts'))

/** Hands the events of an application to OpenTelemetry where the program has it, and does nothing where it has not. */
export function telemetryListener(observed: Observed): Listener {
  return (event) => {
    const atMs = observed.now()
    // The first events wait for the module; the span that was active at the event is still active then.
    tokenSignals()
      ?.then((signals) => signals?.recordEvent({ event, atMs, observed }))
      // A fault of the exporter is its own.
      .catch(() => {})
  }
}

/** Sends one attempt of a call, inside a span where the program has OpenTelemetry. */
export function sendObserved(send: Send, attempt: Attempt): Promise<Incoming> {
  const loading = callSignals()
  if (loading === undefined) return send(attempt.outgoing)
  return loading.then((signals) => signals?.observedAttempt(send, attempt) ?? send(attempt.outgoing))
}
