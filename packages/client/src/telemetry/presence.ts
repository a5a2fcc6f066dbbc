// Where every OpenTelemetry API of this major version keeps what the application has registered, whichever copy of the
// package it came from: one look tells an application without telemetry, which then pays for nothing.
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/**
 * Makes a function that loads a module of signals as soon as the application has registered OpenTelemetry, and gives
 * `undefined` before that and where `@opentelemetry/api` cannot be found.
 */
export function whenPresent<Signals>(
  load: () => Promise<Signals>,
): () => Promise<Signals | undefined> | undefined {
  let loading: Promise<Signals | undefined> | undefined
  return () => {
    if (!(REGISTERED in globalThis)) return undefined
    loading ??= load().catch(() => undefined)
    return loading
  }
}
