import { describeEvent, type IdentityEvent, type Listener } from '@tomte/client'
import type { JobListener } from '../events.ts'
import type { DaemonLog } from './log.ts'
import { logLineOf } from './log-line.ts'
import { loggable } from './secrets.ts'

/** Makes one listener of several, none of which hears of another's failure. */
export function tellAll(listeners: readonly JobListener[]): JobListener {
  return (event) => {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch {
        // A listener's fault is its own.
      }
    }
  }
}

/** Writes events of runs into a log. */
export const logListener =
  (log: DaemonLog): JobListener =>
  (event) => {
    const line = logLineOf(event)
    if (line !== undefined) log.write(line)
  }

/** Writes into a log what went wrong, or soon will, with tokens and credentials. */
export const identityLogListener =
  (log: DaemonLog): Listener =>
  (event) => {
    if (event.type === 'token_obtained') return
    const fields = { event: event.type, ...identityFields(event) }
    log.write({ level: 'warn', fields, message: loggable(describeEvent(event)) })
  }

function identityFields(event: IdentityEvent) {
  const error = 'error' in event ? event.error : undefined
  const facts = (error instanceof Error ? error : {}) as { code?: unknown; correlationId?: unknown }
  return {
    tenant: 'tenant' in event ? event.tenant : undefined,
    code: typeof facts.code === 'string' ? facts.code : undefined,
    correlationId: typeof facts.correlationId === 'string' ? facts.correlationId : undefined,
  }
}
