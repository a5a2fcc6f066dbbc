import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '@tomte/client'
import type { JobEvent } from '../events.ts'
import { logListener } from './listeners.ts'
import { jsonLog, plainLog } from './log.ts'

const NOW = Date.UTC(2026, 0, 31, 2, 0, 5)
const clock = { ...systemClock, now: () => NOW }
const RUN = { runId: '7', job: 'provision', tenant: 'contoso.example' }
const TRAFFIC = { tokenRequests: 1, apiRequests: 12, retries: 0, milliseconds: 4_500 }
const CORRELATION = '8f14e45f-ceea-467f-9f5d-2b0c7a9d1e11'
const ERROR = {
  code: 'api_refused',
  message: 'Cannot call the API: status 403, client_secret=hush',
  hint: 'Grant User.Read.All',
  correlationId: CORRELATION,
}

/** Each type of event once. */
const EVENTS: { readonly [Type in JobEvent['type']]: Extract<JobEvent, { readonly type: Type }> } = {
  run_started: { type: 'run_started', ...RUN, attempt: 1, resumed: false, waitedMs: 12 },
  run_finished: {
    type: 'run_finished',
    ...RUN,
    durationMs: 4_500,
    traffic: TRAFFIC,
    summary: '3 people\ncreated',
  },
  run_retried: { type: 'run_retried', ...RUN, durationMs: 10, error: ERROR, failures: 2, atMs: NOW + 60_000 },
  run_dead: { type: 'run_dead', ...RUN, durationMs: 10, error: ERROR, failures: 10, deaths: 0 },
  run_unconsented: { type: 'run_unconsented', ...RUN, error: ERROR },
  run_cancelled: { type: 'run_cancelled', ...RUN },
  run_superseded: { type: 'run_superseded', ...RUN },
  run_released: { type: 'run_released', ...RUN, why: 'stopping' },
  run_skipped: { type: 'run_skipped', ...RUN, firingMs: NOW },
  run_stuck: { type: 'run_stuck', ...RUN, why: 'time_limit', forMs: 60_000 },
  lease_lost: { type: 'lease_lost', ...RUN },
  worker_died: { type: 'worker_died', ...RUN, deaths: 1 },
  run_progress: { type: 'run_progress', ...RUN, done: 1, total: 2, what: 'people' },
  run_logged: { type: 'run_logged', ...RUN, line: 'password=hush' },
  schedule_missed: {
    type: 'schedule_missed',
    job: 'provision',
    firings: 3,
    lastFiringMs: NOW,
    caughtUp: true,
  },
  schedule_conflict: { type: 'schedule_conflict', job: 'provision', ours: '0 2 * * *', theirs: '0 3 * * *' },
  clock_set_back: { type: 'clock_set_back', job: 'provision', lastFiringMs: NOW },
  engine_failed: { type: 'engine_failed', during: 'claim', error: ERROR, retryInMs: 500 },
}

function written(make: (text: string[]) => Promise<Parameters<typeof logListener>[0]>) {
  const lines: string[] = []
  return make(lines).then((log) => ({ lines, hear: logListener(log) }))
}

describe('a log of JSON', () => {
  const open = () => written((lines) => jsonLog({ write: (text) => lines.push(text) }, 'nightly', clock))

  it('has one object a line, with the ids of job, run, tenant and correlation', async () => {
    const { lines, hear } = await open()
    hear(EVENTS.run_dead)
    assert.deepEqual(JSON.parse(lines[0] ?? ''), {
      level: 'error',
      time: '2026-01-31T02:00:05.000Z',
      daemon: 'nightly',
      event: 'run_dead',
      job: 'provision',
      run: '7',
      tenant: 'contoso.example',
      durationMs: 10,
      failures: 10,
      deaths: 0,
      code: 'api_refused',
      error: 'Cannot call the API: status 403, client_secret=[secret]',
      hint: 'Grant User.Read.All',
      correlationId: CORRELATION,
      msg: 'Put aside until somebody retries it: Cannot call the API: status 403, client_secret=[secret]',
    })
  })

  it('has one line for each event but progress, and no secret in any', async () => {
    const { lines, hear } = await open()
    for (const event of Object.values(EVENTS)) hear(event)
    const events = lines.map((line) => (JSON.parse(line) as { event: string }).event)
    assert.deepEqual(
      events,
      Object.keys(EVENTS).filter((type) => type !== 'run_progress'),
    )
    for (const line of lines) {
      assert.match(line, /^[^\n]+\n$/)
      assert.doesNotMatch(line, /hush/)
    }
  })
})

describe('a log for a person', () => {
  it('has time, job, tenant and what happened, with what to do next', async () => {
    const { lines, hear } = await written(async (text) =>
      plainLog({ write: (line: string) => text.push(line) }, clock),
    )
    for (const event of Object.values(EVENTS)) hear(event)
    const all = lines.join('')
    assert.doesNotMatch(all, /hush/)
    assert.deepEqual(lines.slice(0, 4), [
      '02:00:05  provision contoso.example  Begins the run\n',
      '02:00:05  provision contoso.example  Finished within 4.5 s: 3 people created\n',
      `02:00:05  provision contoso.example  warning: Attempt 2 failed, the next is at 2026-01-31T02:01:05.000Z: ${ERROR.message.replace('hush', '[secret]')}\n          Next: Grant User.Read.All\n`,
      `02:00:05  provision contoso.example  ERROR: Put aside until somebody retries it: ${ERROR.message.replace('hush', '[secret]')}\n          Next: Grant User.Read.All\n`,
    ])
    assert.ok(
      lines.includes(
        '02:00:05  provision  warning: 3 firings passed while nothing ran, the last at 2026-01-31T02:00:05.000Z: one run makes up for them\n',
      ),
      all,
    )
  })
})
