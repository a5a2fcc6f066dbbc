import { request } from 'node:http'
import type { RunQuery, RunRecord } from '../engine/engine.ts'
import { JobError } from '../errors.ts'
import type { DaemonAddress } from './address-file.ts'
import type { DaemonStatus, Desk } from './desk.ts'

const ANSWER_WITHIN_MS = 15_000
const ANSWER_MAX_BYTES = 32 * 1024 * 1024

/** A desk at a daemon that runs on this machine, by its status API. */
export function remoteDesk(address: DaemonAddress): Desk {
  const ask = async <Answer>(method: 'GET' | 'POST', path: string, body?: object) =>
    (await answer(address, { method, path, body })) as Answer
  const part = encodeURIComponent
  return {
    status: () => ask<DaemonStatus>('GET', '/status'),
    runs: async (query) => (await ask<{ runs: readonly RunRecord[] }>('GET', `/runs?${search(query)}`)).runs,
    run: (id) => ask<RunRecord>('GET', `/runs/${part(id)}`),
    start: (request) => ask<RunRecord>('POST', '/runs', request),
    retry: (id) => ask<RunRecord>('POST', `/runs/${part(id)}/retry`),
    cancel: (id) => ask<RunRecord>('POST', `/runs/${part(id)}/cancel`),
    pause: async (job, paused) => {
      await ask('POST', `/jobs/${part(job)}/${paused ? 'pause' : 'resume'}`)
    },
    close: async () => {},
  }
}

/** Whether a daemon answers at this address. */
export async function isThere(address: DaemonAddress): Promise<boolean> {
  try {
    await answer(address, { method: 'GET', path: '/health/live' })
    return true
  } catch (error) {
    return error instanceof JobError && error.code !== 'daemon_unreachable'
  }
}

function search({ states, limit, ...texts }: RunQuery): string {
  const pairs = Object.entries({ ...texts, state: states?.[0] }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  )
  return new URLSearchParams([...pairs, ['limit', String(limit)]]).toString()
}

interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object | undefined
}

function answer({ origin, token }: DaemonAddress, { method, path, body }: Question): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, origin), {
      method,
      agent: false,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    })
    outgoing.once('error', (error: NodeJS.ErrnoException) =>
      reject(unreachable(origin, error.code ?? error.name)),
    )
    outgoing.once('response', (incoming) => {
      const chunks: Buffer[] = []
      let size = 0
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > ANSWER_MAX_BYTES) incoming.destroy(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      incoming.once('error', (error) => reject(unreachable(origin, error.message)))
      incoming.once('end', () => settle(incoming.statusCode ?? 0, Buffer.concat(chunks).toString()))
    })
    const settle = (status: number, text: string) => {
      try {
        const answered = JSON.parse(text) as { readonly error?: Refusal }
        if (status < 300) resolve(answered)
        else reject(refusalOf(answered.error, status))
      } catch {
        reject(unreachable(origin, `an answer with status ${status} that is no JSON`))
      }
    }
    outgoing.end(body && JSON.stringify(body))
  })
}

/** What an answer says of why it is none. */
export interface Refusal {
  readonly code?: string
  readonly message?: string
  readonly hint?: string
}

/** A refusal of a daemon as the error that it was there. */
export function refusalOf(refusal: Refusal | undefined, status: number): JobError {
  const {
    code = 'daemon_refused',
    message = `Cannot ask the daemon: it answered with status ${status}`,
    hint,
  } = refusal ?? {}
  return new JobError(message, hint === undefined ? { code } : { code, hint })
}

function unreachable(origin: string, found: string): JobError {
  return new JobError(`Cannot ask the daemon at ${origin}, as it must answer within 15 s: found ${found}`, {
    code: 'daemon_unreachable',
    hint: 'Look at its log, or whether it still runs',
  })
}
