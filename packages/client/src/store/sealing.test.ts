import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { describe, it } from 'node:test'
import { seeded } from '../token/test-support.ts'
import { EntrySealer, type TokenPlace } from './sealing.ts'
import { newKey, TOKEN_ENDPOINT } from './store-test-support.ts'

const PLACE: TokenPlace = {
  authority: TOKEN_ENDPOINT,
  clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
  tenant: 'contoso.example',
  scope: 'api://orders/.default',
}
const CONTENT = Buffer.from('the content')
const OTHER_PLACES: readonly TokenPlace[] = [
  { ...PLACE, authority: 'https://login.example/other' },
  { ...PLACE, clientId: '22222222-bbbb-4bbb-8bbb-000000000003' },
  { ...PLACE, tenant: 'fabrikam.example' },
  { ...PLACE, scope: 'api://invoices/.default' },
  { ...PLACE, claims: '{}' },
  { ...PLACE, claims: '' },
  { ...PLACE, tenant: 'api://orders/.default', scope: 'contoso.example' },
  { ...PLACE, clientId: `${PLACE.clientId}","contoso.example` },
]

describe('EntrySealer', () => {
  it('opens what it sealed, each time sealed anew, and shows nothing of it', () => {
    const sealer = new EntrySealer([newKey()])
    const [one, two] = [sealer.seal(PLACE, CONTENT), sealer.seal(PLACE, CONTENT)]
    for (const entry of [one, two]) assert.deepEqual(sealer.open(PLACE, entry), { content: CONTENT })
    assert.notDeepEqual(one.subarray(5, 17), two.subarray(5, 17))
    assert.notDeepEqual(one.subarray(33), two.subarray(33))
    assert.ok(!Buffer.from(one).includes(CONTENT))
    assert.equal(one.length, 33 + CONTENT.length)
  })

  it('opens nothing that was moved to another authority, client, tenant, scope or claims', () => {
    const sealer = new EntrySealer([newKey()])
    const entry = sealer.seal(PLACE, CONTENT)
    for (const place of OTHER_PLACES) {
      assert.deepEqual(sealer.open(place, entry), {
        unreadable: 'it was changed, or moved here from another place',
      })
    }
  })

  it('names each place differently, alike in every process, and otherwise under another key', () => {
    const keys = [newKey(), newKey()]
    const names = [PLACE, ...OTHER_PLACES].flatMap((place) => new EntrySealer(keys).names(place))
    assert.equal(new Set(names).size, 2 * (OTHER_PLACES.length + 1))
    for (const name of names) assert.match(name, /^[\w-]{43}$/)
    assert.deepEqual(new EntrySealer(keys.toReversed()).names(PLACE), names.slice(0, 2).toReversed())
  })

  it('opens nothing of which a single bit was changed, at any place', () => {
    const sealer = new EntrySealer([newKey()])
    const entry = sealer.seal(PLACE, CONTENT)
    for (let bit = 0; bit < entry.length * 8; bit += 1) {
      const changed = Buffer.from(entry)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.ok('unreadable' in sealer.open(PLACE, changed), `bit ${bit}`)
    }
  })

  it('opens nothing of wild bytes, nor of an entry that is cut or longer', () => {
    const sealer = new EntrySealer([newKey()])
    const entry = sealer.seal(PLACE, CONTENT)
    const random = seeded(11)
    for (let length = 0; length < entry.length; length += 1) {
      assert.ok('unreadable' in sealer.open(PLACE, entry.subarray(0, length)))
      const wild = Uint8Array.from({ length: length * 2 }, () => random() * 256)
      wild.set(entry.subarray(0, Math.min(5, wild.length)))
      assert.ok('unreadable' in sealer.open(PLACE, wild))
    }
    assert.ok('unreadable' in sealer.open(PLACE, Buffer.concat([entry, Buffer.of(0)])))
  })

  it('says why it opens nothing', () => {
    const sealer = new EntrySealer([newKey()])
    const future = Buffer.from(sealer.seal(PLACE, CONTENT))
    future[0] = 2
    for (const [entry, unreadable] of [
      [Buffer.alloc(32), '32 bytes are too few'],
      [future, 'its version is 2, and 1 is needed'],
      [
        new EntrySealer([newKey()]).seal(PLACE, CONTENT),
        'it was sealed with a key that is not configured here',
      ],
    ] as const) {
      assert.deepEqual(sealer.open(PLACE, entry), { unreadable })
    }
  })

  it('opens by an older key, and seals by the newest alone', () => {
    const [old, fresh] = [newKey(), newKey()]
    const both = new EntrySealer([fresh, old])
    assert.deepEqual(both.open(PLACE, new EntrySealer([old]).seal(PLACE, CONTENT)), { content: CONTENT })
    const entry = both.seal(PLACE, CONTENT)
    assert.deepEqual(new EntrySealer([fresh]).open(PLACE, entry), { content: CONTENT })
    assert.ok('unreadable' in new EntrySealer([old]).open(PLACE, entry))
  })

  it('takes a key as bytes and in base64, with or without padding and in either alphabet', () => {
    const key = Buffer.concat([Buffer.of(0xfb, 0xff), newKey().subarray(2)])
    const entry = new EntrySealer([key]).seal(PLACE, CONTENT)
    for (const text of [key.toString('base64'), key.toString('base64url'), `${key.toString('base64')}\n`])
      assert.deepEqual(new EntrySealer([text]).open(PLACE, entry), { content: CONTENT })
  })

  const twice = newKey()
  for (const [name, keys, message] of [
    ['no key', [], 'at least one are needed: none was found'],
    ['nine keys', Array.from({ length: 9 }, newKey), 'at most 8 are needed: 9 were found'],
    ['an empty text', [''], '32 bytes in base64 each are needed: number 1 is another text'],
    [
      'a passphrase',
      ['correct horse battery staple'],
      '32 bytes in base64 each are needed: number 1 is another text',
    ],
    [
      'hexadecimal text',
      [newKey().toString('hex')],
      '32 bytes in base64 each are needed: number 1 is another text',
    ],
    ['16 bytes', [newKey(), newKey().subarray(16)], '32 bytes each are needed: number 2 has 16 bytes'],
    [
      '33 bytes',
      [Buffer.concat([newKey(), Buffer.of(1)])],
      '32 bytes each are needed: number 1 has 33 bytes',
    ],
    [
      'the bytes of a passphrase',
      [Buffer.from('correct horse battery staple 123')],
      '32 random bytes each are needed: number 1 is made of printable characters, as a passphrase is',
    ],
    [
      'a passphrase in base64',
      [Buffer.from('correct horse battery staple 123').toString('base64')],
      '32 random bytes each are needed: number 1 is made of printable characters, as a passphrase is',
    ],
    ['zeros', [new Uint8Array(32)], '32 random bytes each are needed: number 1 repeats a few bytes'],
    [
      'one key twice',
      [twice, twice.toString('base64')],
      'each one once are needed: number 2 was given before',
    ],
  ] as const) {
    it(`is not made with ${name}, and repeats no key in the error`, () => {
      assert.throws(
        () => new EntrySealer(keys),
        (error: Error & { readonly code?: string }) => {
          assert.equal(error.name, 'ConfigurationError')
          assert.equal(error.code, 'store_key_invalid')
          assert.equal(error.message, `Cannot seal shared tokens with these keys, as ${message}`)
          assert.ok(!/horse/.test(inspect(error)))
          return true
        },
      )
    })
  }

  it('shows no key when it is printed', () => {
    const key = newKey()
    const shown = inspect(new EntrySealer([key]), { depth: Infinity, showHidden: true })
    assert.ok(!shown.includes(inspect(key).slice(8, 40)))
    assert.match(shown, /^EntrySealer \{\s*\}$/)
  })
})
