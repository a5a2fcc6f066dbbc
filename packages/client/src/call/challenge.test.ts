import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { challengedClaims, readChallenges } from './challenge.ts'

const read = (headers: string | readonly string[] | undefined) =>
  readChallenges(headers).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')
const NBF = { nbf: { essential: true, value: '1790000000' } }
const demand = (claims: string, error = 'insufficient_claims') =>
  `Bearer realm="", authorization_uri="https://evil.example/authorize", error="${error}", claims="${claims}"`

describe('readChallenges', () => {
  const cases: readonly (readonly [
    what: string,
    header: string | readonly string[] | undefined,
    found: unknown,
  ])[] = [
    ['no header', undefined, []],
    ['an empty header', '', []],
    ['a scheme alone', 'Negotiate', [['negotiate', {}]]],
    [
      'two schemes alone',
      'Negotiate, NTLM',
      [
        ['negotiate', {}],
        ['ntlm', {}],
      ],
    ],
    [
      'a token68',
      'Negotiate a+b/c==, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'parameters in any order and case',
      'bEARER Error=a, REALM="b"',
      [['bearer', { error: 'a', realm: 'b' }]],
    ],
    [
      'blanks around everything',
      'Bearer \ta = "b" ,\tc=d , Basic e=f',
      [
        ['bearer', { a: 'b', c: 'd' }],
        ['basic', { e: 'f' }],
      ],
    ],
    ['quoted pairs, commas and equals signs', 'Bearer a="x \\"y\\", z=1"', [['bearer', { a: 'x "y", z=1' }]]],
    ['empty elements', ', ,Bearer a=b,, c=d,', [['bearer', { a: 'b', c: 'd' }]]],
    [
      'several headers',
      ['Basic a=b', 'Bearer c=d'],
      [
        ['basic', { a: 'b' }],
        ['bearer', { c: 'd' }],
      ],
    ],
  ]
  for (const [what, header, found] of cases) {
    it(`reads ${what}`, () => {
      assert.deepEqual(read(header), found)
    })
  }

  for (const header of [
    'Bearer a="b',
    'Bearer a="b"c',
    'Bearer a=b a=c',
    'Bearer a=b, a=c',
    'Bearer a=b, A=c',
    'Bearer a=b; c=d',
    '"Bearer" a=b',
    'Bearer a="\u0000"',
    '=',
    `Bearer a="${'x'.repeat(20_000)}"`,
  ]) {
    it(`reads nothing at all of ${JSON.stringify(header.slice(0, 40))}`, () => {
      assert.deepEqual(read(['Basic realm="good"', header]), [])
    })
  }

  it('never takes long or throws, whatever it is given', () => {
    let seed = 1
    const next = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const pieces = [
      'Bearer',
      ' ',
      ',',
      '=',
      '"',
      '\\',
      'a',
      'claims',
      '\t',
      '==',
      ';',
      'é',
      '\n',
      'error="x"',
    ]
    for (let round = 0; round < 20_000; round += 1) {
      const header = Array.from({ length: next(12) }, () => pieces[next(pieces.length)]).join('')
      for (const { scheme } of readChallenges(header)) assert.match(scheme, /^[a-z]+/)
    }
    readChallenges(`Bearer ${'a=b, '.repeat(3000)}`)
    readChallenges(`Bearer a="${'\\"'.repeat(8000)}`)
  })
})

describe('challengedClaims', () => {
  const wanted = JSON.stringify({ access_token: { ...NBF, xms_cc: { values: ['cp1'] } } })

  it('reads the claims of a challenge and adds the capability to be challenged again', () => {
    assert.equal(challengedClaims(demand(base64({ access_token: NBF }))), wanted)
  })

  it('reads base64url and several headers', () => {
    const url = base64({ access_token: NBF }).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    assert.equal(challengedClaims(['Negotiate', demand(url)]), wanted)
  })

  it('reads a demand for nothing but the capability', () => {
    const claims = { access_token: { xms_cc: { values: ['cp1'] } } }
    assert.equal(challengedClaims(demand(base64(claims))), JSON.stringify(claims))
  })

  it('keeps what is demanded of others than the access token', () => {
    const claims = challengedClaims(demand(base64({ id_token: { a: null } }))) ?? ''
    assert.deepEqual(JSON.parse(claims), {
      id_token: { a: null },
      access_token: { xms_cc: { values: ['cp1'] } },
    })
  })

  const none: readonly (readonly [what: string, header: string | undefined])[] = [
    ['no header', undefined],
    ['a plain 401', 'Bearer error="invalid_token"'],
    ['another error', demand(base64({}), 'invalid_token')],
    ['another scheme', demand(base64({})).replace('Bearer', 'Basic')],
    ['claims that are no base64', demand('{}')],
    ['claims that are no JSON', demand(Buffer.from('nonsense').toString('base64'))],
    ['claims that are a list', demand(base64([]))],
    ['claims that are null', demand(base64(null))],
    ['claims of a token that is no object', demand(base64({ access_token: 'x' }))],
    ['claims said twice', `${demand(base64({}))}, claims="${base64({})}"`],
  ]
  for (const [what, header] of none) {
    it(`finds none in ${what}`, () => {
      assert.equal(challengedClaims(header), undefined)
    })
  }
})
