import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeEvent } from './describe-event.ts'
import { CredentialError, UnavailableError } from './errors.ts'
import type { IdentityEvent } from './events.ts'

const AT_MS = Date.UTC(2026, 8, 21, 14)
const place = { tenant: 'contoso.example', scope: 'api://orders/.default' }
const down = new UnavailableError('The authority is down', { code: 'http_503' })
const wrong = new CredentialError('The secret is wrong', { code: 'invalid_client' })

type Sample<Type> = readonly [event: Extract<IdentityEvent, { readonly type: Type }>, line: string]

/** Samples of every type of event: the compiler asks for those of a new one. */
const SAMPLES: { readonly [Type in IdentityEvent['type']]: readonly Sample<Type>[] } = {
  token_obtained: [
    [
      { type: 'token_obtained', ...place, durationMs: 123.4, expiresAtMs: AT_MS },
      'Got a token for api://orders/.default in tenant contoso.example within 123 ms, good until 2026-09-21T14:00:00.000Z',
    ],
  ],
  token_refused: [
    [
      { type: 'token_refused', ...place, durationMs: 5, error: down },
      'Got no token for api://orders/.default in tenant contoso.example within 5 ms: The authority is down',
    ],
  ],
  renewal_failed: [
    [
      { type: 'renewal_failed', ...place, error: down, servedUntilMs: AT_MS },
      'Could not renew the token for api://orders/.default in tenant contoso.example, which is served until ' +
        '2026-09-21T14:00:00.000Z: The authority is down',
    ],
    [
      { type: 'renewal_failed', ...place, error: 'thrown text', servedUntilMs: Number.POSITIVE_INFINITY },
      'Could not renew the token for api://orders/.default in tenant contoso.example, which is served until ' +
        'an unknown time: unknown reason',
    ],
  ],
  credential_refused: [
    [
      { type: 'credential_refused', tenant: 'contoso.example', credential: 0, error: wrong },
      'The authority refused credential 1 in tenant contoso.example, so the next is tried: The secret is wrong',
    ],
  ],
  credential_expiring: [
    [
      { type: 'credential_expiring', credential: 1, expiresAtMs: AT_MS, daysLeft: 7 },
      'Credential 2 ends at 2026-09-21T14:00:00.000Z, within 7 days',
    ],
    [
      { type: 'credential_expiring', credential: 0, expiresAtMs: AT_MS, daysLeft: 1 },
      'Credential 1 ends at 2026-09-21T14:00:00.000Z, within 1 day',
    ],
    [
      { type: 'credential_expiring', credential: 'key-1', expiresAtMs: AT_MS, daysLeft: 0 },
      'The registered credential key-1 ended at 2026-09-21T14:00:00.000Z',
    ],
  ],
  store_warning: [
    [
      { type: 'store_warning', code: 'store_unavailable', message: 'The store is down', hint: 'Start it' },
      'The store is down. Start it',
    ],
  ],
}

describe('describeEvent', () => {
  for (const [event, line] of Object.values(SAMPLES).flat())
    it(`says of ${event.type}: ${line}`, () => assert.equal(describeEvent(event), line))

  it('stays on one line and steers no terminal, whatever the other side said', () => {
    const said = new UnavailableError('down\r\nGot a token\u2028\u001B[31m red\u202E', { code: 'http_503' })
    assert.equal(
      describeEvent({ type: 'token_refused', ...place, durationMs: 0, error: said }),
      'Got no token for api://orders/.default in tenant contoso.example within 0 ms: down Got a token [31m red',
    )
  })

  it('is cut at 500 characters', () => {
    const said = new UnavailableError('x'.repeat(1000), { code: 'http_503' })
    const line = describeEvent({ type: 'token_refused', ...place, durationMs: 0, error: said })
    assert.deepEqual([line.length, line.at(-1)], [500, '…'])
  })
})
