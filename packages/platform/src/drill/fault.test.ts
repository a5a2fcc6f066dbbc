// What a fault may be, as the drills' API reads it.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFault, strikes } from './fault.ts'

describe('readFault', () => {
  it('takes each kind with what it needs, and strikes every request without end unless told otherwise', () => {
    const common = { rate: 1, times: undefined }
    for (const [sent, harm] of [
      [
        { kind: 'status', status: 503 },
        { kind: 'status', status: 503 },
      ],
      [
        { kind: 'status', status: 429, retryAfterSeconds: 3600 },
        { kind: 'status', status: 429, retryAfterSeconds: 3600 },
      ],
      [{ kind: 'hang' }, { kind: 'hang' }],
      [{ kind: 'cut' }, { kind: 'cut' }],
      [
        { kind: 'slow', delayMs: 600_000 },
        { kind: 'slow', delayMs: 600_000 },
      ],
    ] as const)
      assert.deepEqual(readFault({ target: 'token', ...sent }), { target: 'token', harm, ...common })
  })
})

describe('strikes', () => {
  it('strikes as many of any number of requests as the rate says, rounded down', () => {
    for (const rate of [1, 0.75, 0.5, 0.3, 0.1, 0.01]) {
      let struck = 0
      for (let seen = 1; seen <= 1000; seen++) {
        if (strikes(rate, seen)) struck += 1
        assert.equal(struck, Math.floor(seen * rate), `${rate} of ${seen}`)
      }
    }
  })
})

describe('a fault that cannot be', () => {
  const STATUSES = '429, 500, 502, 503, 504'
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['no object', [], 'A fault is a JSON object.'],
    [
      'without a target',
      { kind: 'cut' },
      "'target' must be one of token, discovery, directory, batch-item, managed-identity.",
    ],
    ['of no kind', { target: 'token' }, "'kind' must be one of status, hang, cut, slow."],
    [
      'of a kind that every object has',
      { target: 'token', kind: 'toString' },
      "'kind' must be one of status, hang, cut, slow.",
    ],
    [
      'of a status of success',
      { target: 'token', kind: 'status', status: 200 },
      `'status' must be one of ${STATUSES} for 'token'.`,
    ],
    [
      'of another target’s status',
      { target: 'directory', kind: 'status', status: 410 },
      `'status' must be one of ${STATUSES} for 'directory'.`,
    ],
    [
      'of a status in a text',
      { target: 'token', kind: 'status', status: '503' },
      `'status' must be one of ${STATUSES} for 'token'.`,
    ],
    [
      'with a long wait',
      { target: 'token', kind: 'status', status: 429, retryAfterSeconds: 3601 },
      "'retryAfterSeconds' must be a whole number from 0 to 3600.",
    ],
    [
      'without a delay',
      { target: 'token', kind: 'slow' },
      "'delayMs' must be a whole number from 1 to 600000.",
    ],
    [
      'with a long delay',
      { target: 'token', kind: 'slow', delayMs: 600_001 },
      "'delayMs' must be a whole number from 1 to 600000.",
    ],
    [
      'with a rate of nothing',
      { target: 'token', kind: 'cut', rate: 0 },
      "'rate' must be a number above 0 and at most 1.",
    ],
    [
      'with a rate above all',
      { target: 'token', kind: 'cut', rate: 1.1 },
      "'rate' must be a number above 0 and at most 1.",
    ],
    [
      'with no times',
      { target: 'token', kind: 'cut', times: 0 },
      "'times' must be a whole number from 1 to 1000000.",
    ],
    [
      'with the property of another kind',
      { target: 'token', kind: 'cut', status: 503 },
      "'status' is no property of a fault of kind 'cut'.",
    ],
    [
      'that cuts a request inside a batch',
      { target: 'batch-item', kind: 'cut' },
      "A request inside a batch has no connection of its own: 'status' or 'slow' is needed.",
    ],
  ]
  for (const [what, fault, message] of cases) {
    it(`is refused: ${what}`, () => {
      assert.throws(() => readFault(fault), { name: 'DrillError', message })
    })
  }
})
