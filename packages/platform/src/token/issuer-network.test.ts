import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { CONFIGURATION, startIssuer } from './issuer-test-support.ts'
import { getJson, isPrivate, IssuerUnreachable } from './issuer-network.ts'

describe('an address of an issuer', () => {
  const PRIVATE = [
    ['0.0.0.0', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.255', '169.254.169.254', '172.16.0.1'],
    ['172.31.255.255', '192.0.0.1', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
    [
      '224.0.0.1',
      '240.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      'fc00::1',
    ],
    ['fd00::1', 'fe80::1', 'ff02::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', '4000::1'],
    ['no address', '127.1', ''],
  ].flat()
  const PUBLIC = [
    '1.1.1.1',
    '8.8.8.8',
    '100.128.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.0.1',
    '223.255.255.1',
  ]
  const PUBLIC_V6 = ['2606:4700::1111', '2a00:1450::1', '2001:4860:4860::8888', '3ffe::1']

  it('is private if it belongs to no host of the public internet', () => {
    assert.deepEqual(
      PRIVATE.filter((address) => !isPrivate(address)),
      [],
    )
  })

  it('is public otherwise', () => {
    assert.deepEqual([...PUBLIC, ...PUBLIC_V6].filter(isPrivate), [])
  })
})

describe('a document of an issuer', () => {
  for (const [what, page] of [
    ['never answers', () => {}],
    ['answers without an end', (response: ServerResponse) => response.write('{')],
  ] as const) {
    it(`is given up at its deadline if its host ${what}`, async (t) => {
      const issuer = await startIssuer(Date.now())
      t.after(() => issuer.close())
      const deadline = new AbortController()
      issuer.put(CONFIGURATION, (response) => {
        page(response)
        setImmediate(() => deadline.abort())
      })
      const network = { allowPrivate: true, ca: [issuer.ca], deadline: () => deadline.signal }
      await assert.rejects(
        getJson(`${issuer.url}${CONFIGURATION}`, network),
        (error: Error) =>
          error instanceof IssuerUnreachable && error.message === 'It did not answer within 5 s.',
      )
    })
  }
})
