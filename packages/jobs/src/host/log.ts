import type { Clock } from '@tomte/client'
import type { LogLine } from './log-line.ts'

/** Takes one line after the other. */
export interface DaemonLog {
  write(line: LogLine): void
}

/** Where text goes, such as standard output. */
export interface TextSink {
  write(text: string): unknown
}

/**
 * A log of one JSON object a line, by pino: `level`, `time` (ISO 8601), `daemon`, `msg`, and the ids of job, run, tenant and
 * correlation where there are any.
 */
export async function jsonLog(sink: TextSink, daemon: string, clock: Clock): Promise<DaemonLog> {
  const { pino } = await import('pino')
  const options = {
    base: { daemon },
    timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  }
  const logger = pino(options, { write: (text: string) => void sink.write(text) })
  return { write: ({ level, fields, message }) => logger[level](fields, message) }
}

/** A log for a person who watches a terminal: time of day, job and tenant, message. */
export function plainLog(sink: TextSink, clock: Clock): DaemonLog {
  return {
    write({ level, fields, message }) {
      const at = new Date(clock.now()).toISOString().slice(11, 19)
      const whose = [fields['job'], fields['tenant']].filter((part) => part !== undefined).join(' ')
      const mark = level === 'info' ? '' : level === 'warn' ? 'warning: ' : 'ERROR: '
      const hint = fields['hint'] === undefined ? '' : `\n          Next: ${String(fields['hint'])}`
      sink.write(`${at}  ${whose === '' ? '' : `${whose}  `}${mark}${message}${hint}\n`)
    },
  }
}
