import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Address } from './address.ts'

describe('Address', () => {
  const address = new Address('https://orders.example/v1')

  it('resolves what is plain as a parser would, without one', () => {
    let seed = 7
    const next = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const pieces = [
      'a',
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%20',
      '?',
      '&',
      '=',
      "'",
      '$',
      '(',
      ')',
      '~',
      ':',
      '@',
      'é',
      ' ',
      '#',
      '\\',
      '//',
      '-',
      '%',
      '|',
      '"',
      '\t',
      '^',
      ';',
    ]
    let plain = 0
    for (let round = 0; round < 50_000; round += 1) {
      const path = `/${Array.from({ length: next(8) }, () => pieces[next(pieces.length)]).join('')}`
      const parsed = path.startsWith('//') ? undefined : new URL(address.href + path.slice(1))
      if (parsed?.pathname.startsWith('/v1/') !== true) {
        assert.throws(() => address.resolve(path), { name: 'ProtocolError' }, path)
        continue
      }
      plain += 1
      const expected = { pathname: parsed.pathname, path: parsed.pathname + parsed.search }
      assert.deepEqual(address.resolve(path), expected, path)
    }
    assert.ok(plain > 10_000, `${plain} paths`)
  })

  it('refuses an address of its own origin that carries a user name', () => {
    assert.throws(() => address.resolve('https://someone:word@orders.example/v1/orders'), {
      name: 'ProtocolError',
      code: 'foreign_origin',
      message:
        'Cannot call an address with a user name, as the token may only be sent to https://orders.example',
    })
  })
})
